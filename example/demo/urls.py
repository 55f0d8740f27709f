"""The addresses of the pages; ptrack's middleware answers pixels and links."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.compose, name="compose"),
    path("inbox/", views.show_inbox, name="inbox"),
    path("inbox/<str:mail_id>/", views.show_mail, name="mail"),
    path("inbox/<str:mail_id>/body/", views.show_mail_body, name="mail_body"),
    path("report/", views.show_report, name="report"),
    path("report/<int:campaign_id>/", views.show_report, name="campaign_report"),
    path("report/<int:campaign_id>/data/", views.send_numbers, name="report_data"),
    path("office/", views.show_office, name="office"),
    path("unsubscribe/", views.show_unsubscribe, name="unsubscribe"),
    path("admin/", admin.site.urls),
    path("coep/", views.show_strict_page, name="coep"),
]
