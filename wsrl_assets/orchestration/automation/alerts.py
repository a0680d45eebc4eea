"""Failed runs are posted to a webhook, if there is one."""

import json
import urllib.request
from urllib.error import URLError

import dagster as dg
from pydantic import SecretStr

from wsrl_assets.orchestration.automation.defaults import on_if
from wsrl_assets.settings import AutomationSettings

_TIMEOUT_S = 10.0
_MAX_CHARS = 500
_RETRIED_TAG = "dagster/will_retry"


def alert_failures(settings: AutomationSettings) -> dg.SensorDefinition:
    """The sensor that tells of failed runs. On if `WSRL_ALERT_WEBHOOK` is set."""

    @dg.run_failure_sensor(
        name="alert_failures",
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.alert_webhook),
        description="Posts each failed run to WSRL_ALERT_WEBHOOK, with the sentence that says why.",
    )
    def alert(context: dg.RunFailureSensorContext) -> None:
        text = failure_text(context)
        context.log.warning(text)
        if settings.alert_webhook is not None and not post(settings.alert_webhook, text):
            context.log.warning("WSRL_ALERT_WEBHOOK could not be reached, or refused that")

    return alert


def failure_text(context: dg.RunFailureSensorContext) -> str:
    """What failed, of which partition, why, and whether the daemon begins it again."""
    run = context.dagster_run
    partition = run.tags.get("dagster/partition")
    where = f"{run.job_name} ({partition})" if partition else run.job_name
    reasons = [
        data.user_failure_data.description
        for event in context.get_step_failure_events()
        if (data := event.step_failure_data).user_failure_data is not None
    ]
    why = next(filter(None, reasons), context.failure_event.message or "no reason given")
    again = " It is retried automatically." if run.tags.get(_RETRIED_TAG) == "true" else ""
    return f"{where} failed: {why[:_MAX_CHARS]} Run {run.run_id}.{again}"


def post(webhook: SecretStr, text: str) -> bool:
    """Posts `{"text": ...}`, which Slack and its like take; whether that was accepted."""
    body = json.dumps({"text": text}).encode()
    headers = {"content-type": "application/json"}
    try:
        request = urllib.request.Request(webhook.get_secret_value(), body, headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            return 200 <= int(response.status) < 300
    except (URLError, OSError, ValueError):  # their messages may hold the address
        return False
