"""The pages."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from ptrack.opens.models import Open

from . import campaigns, mailbox, reports
from .forms import CampaignForm
from .models import Campaign

# What a mail client allows: images, the mail's own styles, and links that open in a
# window of their own. No scripts.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src http: https: data:; style-src 'unsafe-inline'"
)


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """Show the form of a campaign, and send it."""
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _tell(request, campaigns.send(**form.cleaned_data))
        return redirect("inbox")
    context = {"form": form, "latest": Campaign.objects.first()}
    return render(request, "demo/compose.html", context)


def _tell(request: HttpRequest, sending: campaigns.Sending) -> None:
    count = len(sending.campaign.recipients)
    if count:
        mails = "1 mail" if count == 1 else f"{count} mails"
        messages.success(request, f"Sent {mails}. Open one, and see it counted.")
    if sending.failed:
        messages.error(request, f"Could not be sent to {_some(sending.failed)}.")


def _some(addresses: list[str], most: int = 3) -> str:
    # Messages travel in a cookie, which holds no long list.
    more = [f"{len(addresses) - most} more"] if len(addresses) > most else []
    return ", ".join([*addresses[:most], *more])


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List the mails that were sent."""
    mails = mailbox.mails(settings.MAIL_DIRECTORY)
    return render(request, "demo/inbox.html", {"mails": mails})


@require_safe
def mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show a mail: its headers, its body in a frame, and its source."""
    return render(request, "demo/mail.html", {"mail": _mail_or_404(mail_id)})


@require_safe
@never_cache
@xframe_options_sameorigin
def mail_body(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show the body of a mail, as what it is: a document of somebody else's."""
    content, content_type = _mail_or_404(mail_id).body
    response = HttpResponse(content, content_type=f"{content_type}; charset=utf-8")
    response["Content-Security-Policy"] = MAIL_POLICY
    return response


def _mail_or_404(mail_id: str) -> mailbox.Mail:
    found = mailbox.mail(settings.MAIL_DIRECTORY, mail_id)
    if found is None:
        raise Http404("There is no such mail")
    return found


@require_safe
def report(request: HttpRequest, campaign_id: int | None = None) -> HttpResponse:
    """Show what became of a campaign, by default of the latest."""
    everything = Campaign.objects.all()
    if campaign_id is None:
        campaign = everything.first()
    else:
        campaign = get_object_or_404(everything, pk=campaign_id)
    context = {"campaign": campaign, "campaigns": everything}
    return render(request, "demo/report.html", context)


@require_safe
@never_cache
def report_data(request: HttpRequest, campaign_id: int) -> JsonResponse:
    """Give the numbers of a campaign as JSON, for the page to poll."""
    return JsonResponse(reports.report(get_object_or_404(Campaign, pk=campaign_id)))


@require_safe
def office(request: HttpRequest) -> HttpResponse:
    """Be where the first link of the example leads."""
    return render(request, "demo/office.html")


@require_safe
def unsubscribe(request: HttpRequest) -> HttpResponse:
    """Be where the mails' link to unsubscribe leads, which isn't tracked."""
    return render(request, "demo/unsubscribe.html")


@require_safe
def coep(request: HttpRequest) -> HttpResponse:
    """Show that the pixel also loads on a page that embeds only what consents to it."""
    views = Open.objects.filter(kwargs__page="coep")
    context = {"count": views.count(), "latest": views[:3]}
    response = render(request, "demo/coep.html", context)
    response["Cross-Origin-Embedder-Policy"] = "require-corp"
    response["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
