"""The addresses of the pages; pixels and links are answered by ptrack's middleware."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.compose, name="compose"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<str:mail_id>/", views.mail, name="mail"),
    path("inbox/<str:mail_id>/body/", views.mail_body, name="mail_body"),
    path("report/", views.report, name="report"),
    path("report/<int:campaign_id>/", views.report, name="campaign_report"),
    path("report/<int:campaign_id>/data/", views.report_data, name="report_data"),
    path("office/", views.office, name="office"),
    path("unsubscribe/", views.unsubscribe, name="unsubscribe"),
    path("admin/", admin.site.urls),
    path("coep/", views.coep, name="coep"),
]
