"""The addresses of the pages; the pixels' own are answered by ptrack's middleware."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.compose, name="compose"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<str:mail_id>/", views.mail, name="mail"),
    path("inbox/<str:mail_id>/body/", views.mail_body, name="mail_body"),
    path("opens/", views.opens, name="opens"),
    path("opens/<int:campaign_id>/", views.opens, name="campaign_opens"),
    path("opens/<int:campaign_id>/data/", views.opens_data, name="opens_data"),
    path("coep/", views.coep, name="coep"),
]
