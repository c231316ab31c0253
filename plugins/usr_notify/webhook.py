"""Handing events to a webhook: a POST of the event's JSON over TLS.

A status of 200 to 299 is delivery. 408, 425, 429 and 5xx, and whatever happens on the way, are worth another
attempt; everything else is not. A redirect is followed only on the same scheme, host and port, and only where it
keeps the method (307, 308), so that neither event nor token goes anywhere else. What a server answers is not
shown: it may repeat what it was sent. A proxy is used where the environment names one, and an attempt has a time limit
as a whole, whatever the server does.
"""

from __future__ import annotations

import http
import http.client
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin

from usr_core.api import package_version
from usr_notify.address import Address, parse_address
from usr_notify.delivery import SendFailure
from usr_notify.errors import DeliveryFailed, DeliveryRefused, SecretUnusable, TargetInvalid
from usr_notify.message import Message
from usr_notify.template import Template
from usr_notify.wire import Deadline, ProxyRefused, Wire, proxy_for, request_target

__all__ = ["WebhookTarget"]

_REDIRECTS = 3
_ANSWER_BYTES = 1 << 16
_TRY_AGAIN = frozenset({408, 425, 429})
# Statuses about this event, not about the token, the address or the certificate: for those, events wait for a fix.
_EVENT_REFUSED = frozenset({400, 406, 409, 411, 413, 414, 415, 422, 431})
_KEEPS_METHOD = frozenset({307, 308})


class WebhookTarget:
    """A URL that takes events.

    Args:
        address: Where it is.
        headers: What is sent besides our own.
        ca_bundle: Certificates (PEM) to trust instead of the system's.
        connect_timeout: Seconds for a connection.
        timeout: Seconds that the server may take; an attempt as a whole has both, redirects included.
        template: Makes the body of a request; by default it is the line of the log.

    Raises:
        SecretUnusable: The bundle can't be read.
        TargetInvalid: The environment names a proxy that can't be used.
    """

    def __init__(
        self,
        address: Address,
        *,
        headers: dict[str, str],
        ca_bundle: Path | None,
        connect_timeout: float,
        timeout: float,
        template: Template | None = None,
    ) -> None:
        self._address, self._headers = address, headers
        self._connect_timeout, self._timeout = connect_timeout, timeout
        self._context = _context(ca_bundle) if address.scheme == "https" else None
        self._proxy = proxy_for(address)
        self._template = template
        self._wire: Wire | None = None
        self.label = address.origin

    def send(self, message: Message) -> None:
        """POST an event; errors as `Target.send`."""
        with Deadline(self._connect_timeout + self._timeout) as deadline:
            address = self._address
            for _ in range(_REDIRECTS + 1):
                status, retry_after, location = self._answer(address, message, deadline)
                if 200 <= status < 300:
                    return
                if status not in _KEEPS_METHOD or location is None:
                    raise self._refusal(status, retry_after)
                address = self._same_place(address, location)
        raise self._failure("it redirects without end", retryable=False)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # ------------------------------------------------------------- inside

    def _answer(self, address: Address, message: Message, deadline: Deadline) -> tuple[int, float | None, str | None]:
        """Return status, seconds to wait, and where to go instead."""
        kept = self._wire is not None
        try:
            return self._post(address, message, deadline)
        except ssl.SSLCertVerificationError as error:
            self.close()
            reason = f"its certificate is not trusted ({error.verify_message})"
            raise self._failure(reason, retryable=False, hint="Give the certificates of its CA: --ca-bundle.") from None
        except ProxyRefused as error:
            self.close()
            raise self._proxy_failure(error.status) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if deadline.over or isinstance(error, TimeoutError):
                raise self._failure("it does not answer in time", retryable=True) from None
            if kept:  # a server may close an idle connection at any time; that is not a failure yet
                return self._answer(address, message, deadline)
            through = "" if self._proxy is None else f" through the proxy {self._proxy.host}:{self._proxy.port}"
            raise self._failure(_words(error) + through, retryable=True) from None
        except BaseException:
            self.close()
            raise

    def _post(self, address: Address, message: Message, deadline: Deadline) -> tuple[int, float | None, str | None]:
        connection = self._connected(address, deadline)
        to_proxy = self._proxy is not None and address.scheme == "http"
        connection.request(
            "POST",
            request_target(address, self._proxy),
            body=message.payload if self._template is None else self._template.body(message),
            headers={
                **self._headers,
                **(self._proxy.headers if to_proxy and self._proxy is not None else {}),
                "Content-Type": "application/json",
                "User-Agent": f"usr-notify/{package_version()}",
                "Idempotency-Key": message.key,
            },
        )
        response = connection.getresponse()
        if deadline.over:
            raise TimeoutError
        # What is left unread would be taken for the answer to the next event. The status has been said: a body that
        # does not end changes nothing about it.
        try:
            ended = len(response.read(_ANSWER_BYTES)) < _ANSWER_BYTES
        except (OSError, http.client.HTTPException):
            ended = False
        if not ended or response.will_close or deadline.over:
            self.close()
        return response.status, _seconds(response.getheader("Retry-After")), response.getheader("Location")

    def _connected(self, address: Address, deadline: Deadline) -> http.client.HTTPConnection:
        if self._wire is None:
            self._wire = Wire(
                address,
                proxy=self._proxy,
                context=self._context,
                connect_timeout=self._connect_timeout,
                timeout=self._timeout,
                deadline=deadline,
            )
        else:
            deadline.watch(self._wire.guard)
        return self._wire.connection

    def _same_place(self, address: Address, location: str) -> Address:
        try:
            there = parse_address(urljoin(address.origin + address.target, location), allow_http_localhost=True)
        except (TargetInvalid, ValueError):
            there = None
        if there is None or there.origin != self._address.origin:
            # Where to is not shown: it may repeat what was sent, the token included.
            raise self._failure(
                "it redirects to another place, which is not followed",
                retryable=False,
                hint="If you trust that place, give its own URL.",
            )
        return there

    def _refusal(self, status: int, retry_after: float | None) -> SendFailure:
        try:
            words = f"{status} {http.HTTPStatus(status).phrase}"
        except ValueError:
            words = str(status)
        later = status in _TRY_AGAIN or status >= 500
        return self._failure(
            f"it answers {words}",
            retryable=later,
            retry_after=retry_after if later else None,
            rejects=status in _EVENT_REFUSED,
        )

    def _proxy_failure(self, status: int) -> SendFailure:
        place = "" if self._proxy is None else f" {self._proxy.host}:{self._proxy.port}"
        if status == http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            hint = "Put USER:PASSWORD@ before its host in HTTPS_PROXY."
        else:
            hint = "See whether it lets this host through, or name the host in NO_PROXY."
        later = status in _TRY_AGAIN or status >= 500
        return self._failure(f"the proxy{place} answers {status}", retryable=later, hint=hint)

    def _failure(
        self,
        reason: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        hint: str | None = None,
        rejects: bool = False,
    ) -> SendFailure:
        later = "See that it runs and can be reached; the event is delivered again at the next start, or waits in the "
        kind = DeliveryFailed if retryable else DeliveryRefused
        default = f"{later}--spool." if retryable else "Check the URL, the token and the headers."
        error = kind(f"{self.label} did not take an event: {reason}.", hint=hint or default)
        return SendFailure(error, retryable=retryable, retry_after=retry_after, rejects=rejects)


def _context(ca_bundle: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_bundle is None else str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise SecretUnusable(
            f"The certificates of --ca-bundle can't be read: {error.strerror or 'it is not a PEM file'}.",
            hint="Give a PEM file with the certificate of the CA that signed the server's.",
            facts={"file": str(ca_bundle)},
        ) from None


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"the connection broke ({type(error).__name__})"


def _seconds(text: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for: a number, or a time of day."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 10**9))
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
