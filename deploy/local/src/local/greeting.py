"""What `make up` says when the platform is ready: where it is, who may sign in, what to try."""

from local.certificates import ROOT_DOMAIN
from local.front_door import PASSWORD, PLATFORM_PASSWORD
from local.layout import Layout
from local.run_file import relative
from local.settings import Settings

_PLACES = """
Execos is ready in {seconds:.1f} s: {url}
  API        {url}/api/v1    reference {url}/api/docs
  mails      http://localhost:{mail}
  runs       {run}    logs {logs}/"""

_PEOPLE = """
  people     owner@ admin@ ceo@ director@ manager@ sales@ ops@ finance@ cashier@ viewer@
             acme.example and globex.example; consultant@both.example is in both
  password   {password}
  platform   platform@execos.example, password {platform_password}, at https://platform.{root_domain}:{port}
  try        make demo, or
    curl --cacert {ca} {url}/api/v1/auth/login -H 'Content-Type: application/json' \\
      -d '{{"email":"owner@acme.example","password":"{password}"}}'"""


def text(settings: Settings, layout: Layout, seconds: float, *, is_detached: bool) -> str:
    """The greeting; people and passwords only in development."""
    parts = _PLACES + (_PEOPLE if settings.environment == "development" else "")
    parts += f"\n  stop       {'make down' if is_detached else 'Ctrl-C'}\n"
    return parts.format(
        seconds=seconds,
        url=settings.public_url,
        mail=settings.ports.mail_http,
        run=relative(layout.run_file),
        logs=relative(layout.root / "logs"),
        password=PASSWORD,
        platform_password=PLATFORM_PASSWORD,
        root_domain=ROOT_DOMAIN,
        port=settings.ports.gateway_https,
        ca=relative(layout.certs / "ca.pem"),
    )
