"""The admin, where the tables of opens and clicks are shown."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
