"""The pages of the demo."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from ptrack.stats.models import Open

from . import campaigns, mailbox, reports
from .forms import CampaignForm
from .models import Campaign

# A mail client allows images, the mail's own styles, and links that open a new window.
# It runs no scripts.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src http: https: data:; style-src 'unsafe-inline'"
)


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """Show the form for a campaign, or send the campaign."""
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _announce(request, campaigns.send(**form.cleaned_data))
        return redirect("inbox")
    context = {"form": form, "latest": Campaign.objects.first()}
    return render(request, "demo/compose.html", context)


def _announce(request: HttpRequest, sending: campaigns.Sending) -> None:
    count = len(sending.campaign.recipients)
    if count:
        mails = "1 mail" if count == 1 else f"{count} mails"
        messages.success(request, f"Sent {mails}. Open one to see it counted.")
    if sending.failed:
        messages.error(request, f"No mail could be sent to {_shorten(sending.failed)}.")


def _shorten(addresses: list[str], most: int = 3) -> str:
    # The message is kept in a cookie, which is too small for a long list.
    more = [f"{len(addresses) - most} more"] if len(addresses) > most else []
    return ", ".join([*addresses[:most], *more])


@require_safe
def show_inbox(request: HttpRequest) -> HttpResponse:
    """List the mails that were sent."""
    mails = mailbox.read_mails(settings.MAIL_DIRECTORY)
    return render(request, "demo/inbox.html", {"mails": mails})


@require_safe
def show_mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show a mail: its headers, its body in a frame, and its source."""
    return render(request, "demo/mail.html", {"mail": _find_mail(mail_id)})


@require_safe
@never_cache
@xframe_options_sameorigin
def show_mail_body(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show the body of a mail, with the rights of a document from a stranger."""
    content, content_type = _find_mail(mail_id).body
    response = HttpResponse(content, content_type=f"{content_type}; charset=utf-8")
    response["Content-Security-Policy"] = MAIL_POLICY
    return response


def _find_mail(mail_id: str) -> mailbox.Mail:
    found = mailbox.find_mail(settings.MAIL_DIRECTORY, mail_id)
    if found is None:
        raise Http404("There is no such mail")
    return found


@require_safe
def show_report(request: HttpRequest, campaign_id: int | None = None) -> HttpResponse:
    """Show the report on a campaign, by default on the latest."""
    everything = Campaign.objects.all()
    if campaign_id is None:
        campaign = everything.first()
    else:
        campaign = get_object_or_404(everything, pk=campaign_id)
    context = {"campaign": campaign, "campaigns": everything}
    return render(request, "demo/report.html", context)


@require_safe
@never_cache
def send_numbers(request: HttpRequest, campaign_id: int) -> JsonResponse:
    """Send the numbers of a campaign as JSON; the report polls them."""
    return JsonResponse(reports.summarize(get_object_or_404(Campaign, pk=campaign_id)))


@require_safe
def show_office(request: HttpRequest) -> HttpResponse:
    """Show the page that the first link of the example leads to."""
    return render(request, "demo/office.html")


@require_safe
def show_unsubscribe(request: HttpRequest) -> HttpResponse:
    """Show the page for unsubscribing; the link that leads there isn't tracked."""
    return render(request, "demo/unsubscribe.html")


@require_safe
def show_strict_page(request: HttpRequest) -> HttpResponse:
    """Show a page under COEP, where an image only loads if its host allows it."""
    views = Open.objects.filter(kwargs__page="coep")
    context = {"count": views.count(), "latest": views[:3]}
    response = render(request, "demo/coep.html", context)
    response["Cross-Origin-Embedder-Policy"] = "require-corp"
    response["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
