"""ptrack.apps: the two configurations of the Django app."""

from django.apps import AppConfig, apps

from ptrack.apps import PtrackConfig, SimplePtrackConfig


def test_default_configuration_is_the_one_that_discovers():
    assert type(apps.get_app_config("ptrack")) is PtrackConfig


def test_names_of_300_are_configurations_of_the_same_app():
    assert issubclass(PtrackConfig, SimplePtrackConfig)
    assert issubclass(SimplePtrackConfig, AppConfig)
    assert PtrackConfig.name == SimplePtrackConfig.name == "ptrack"
