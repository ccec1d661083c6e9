# SPDX-License-Identifier: Apache-2.0
"""Fake secrets, put together at run time: seeded random letters of the right alphabet and length behind each vendor's prefix.

Nothing in this file is a secret or looks like one to a scanner: prefixes and bodies meet only in memory.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
URL64 = ALNUM + "-_"
B64 = ALNUM + "+/"
HEX = "0123456789abcdef"
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
PASSWORD = ALNUM + "!#%*+-_.=?^~"


class Sample(NamedTuple):
    """A text with one secret in it."""

    name: str
    secret: str
    text: str


class Maker:
    """Makes bodies from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def of(self, alphabet: str, size: int) -> str:
        """Random letters; the first one is never a dash, so that it looks like a vendor's."""
        body = "".join(self._random.choice(alphabet) for _ in range(size))
        return self._random.choice(ALNUM if alphabet == URL64 else alphabet) + body[1:]

    def password(self, size: int = 14) -> str:
        """A password as a generator makes it: letters, a digit, a mark."""
        return "".join(
            (self.of(ALNUM, 2), self.of(PASSWORD, size - 4), self.of(string.digits, 1), self.of(ALNUM, 1))
        )

    def uuid(self) -> str:
        """A random UUID."""
        parts = (8, 4, 4, 4, 12)
        return "-".join(self.of(HEX, size) for size in parts)

    def base64(self, size: int) -> str:
        """Base64 of so many random bytes, padded."""
        return base64.b64encode(self._random.randbytes(size)).decode()

    def jwt(self) -> str:
        """Three parts, the first two of them JSON."""
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        body = (
            base64.urlsafe_b64encode(json.dumps({"sub": self.of(HEX, 12), "iat": 1}).encode())
            .decode()
            .rstrip("=")
        )
        return f"{head}.{body}.{self.of(URL64, 43)}"

    def pem(self, label: str = "RSA PRIVATE KEY", lines: int = 12) -> str:
        """A block of the right shape."""
        body = "\n".join(self.of(B64, 64) for _ in range(lines)) + "\n" + self.of(B64, 30) + "=="
        return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


def self_identifying(m: Maker) -> dict[str, str]:
    """Vendor and kind -> a secret that its own form gives away."""
    a, u, h, b = (
        partial(m.of, ALNUM),
        partial(m.of, URL64),
        partial(m.of, HEX),
        partial(m.of, B64),
    )
    low, up = partial(m.of, LOWER), partial(m.of, UPPER)
    digits = partial(m.of, "123456789")
    return {
        "anthropic api": "sk-ant-" + "api03-" + u(93) + "AA",
        "anthropic oauth": "sk-ant-" + "oat01-" + u(93) + "AA",
        "anthropic refresh": "sk-ant-" + "ort01-" + u(93) + "AA",
        "anthropic admin": "sk-ant-" + "admin01-" + u(93) + "AA",
        "anthropic session": "sk-ant-" + "sid01-" + u(86),
        "openai project": "sk-" + "proj-" + u(74) + "T3BlbkFJ" + u(74),
        "openai service": "sk-" + "svcacct-" + u(74) + "T3BlbkFJ" + u(74),
        "openai admin": "sk-" + "admin-" + u(58) + "T3BlbkFJ" + u(58),
        "openai old": "sk-" + a(20) + "T3BlbkFJ" + a(20),
        "openrouter": "sk-" + "or-v1-" + h(64),
        "langfuse": "sk-" + "lf-" + m.uuid(),
        "deepseek": "sk-" + h(32),
        "elevenlabs": "sk_" + h(48),
        "huggingface": "hf_" + m.of(string.ascii_letters, 34),
        "groq": "gsk_" + a(52),
        "xai": "xai-" + a(80),
        "perplexity": "pplx-" + a(48),
        "replicate": "r8_" + a(37),
        "fireworks": "fw_" + a(24),
        "together": "tgp_" + "v1_" + u(43),
        "tavily": "tvly-" + "dev-" + a(32),
        "pinecone": "pcsk_" + a(6) + "_" + a(60),
        "langsmith": "lsv2_" + "pt_" + h(32) + "_" + h(10),
        "nvidia": "nvapi-" + u(64),
        "cerebras": "csk-" + low(48),
        "firecrawl": "fc-" + h(32),
        "e2b": "e2b_" + h(40),
        "runpod": "rpa_" + a(44),
        "jina": "jina_" + h(32) + u(28),
        "cursor": "crsr_" + h(64),
        "aws id": "AKIA" + m.of(BASE32, 16),
        "aws session id": "ASIA" + m.of(BASE32, 16),
        "aws bedrock": "ABSK" + b(128),
        "google api": "AIza" + u(35),
        "google oauth": "ya29." + u(160),
        "google secret": "GOCSPX-" + u(28),
        "google refresh": "1//0" + u(100),
        "firebase": a(11) + ":APA91" + u(134),
        "azure client secret": a(3) + "8Q~" + a(34),
        "azure devops": a(76) + "AZDO" + a(4),
        "azure storage": b(76) + "+ASt" + b(6) + "==",
        "digitalocean pat": "dop_" + "v1_" + h(64),
        "digitalocean oauth": "doo_" + "v1_" + h(64),
        "digitalocean refresh": "dor_" + "v1_" + h(64),
        "alibaba": "LTAI" + a(20),
        "tencent": "AKID" + a(32),
        "cloudflare origin": "v1.0-" + h(24) + "-" + h(146),
        "fly": "fo1_" + u(43),
        "fly macaroon": "fm2_" + b(180),
        "heroku": "HRKU-" + "AA" + u(58),
        "netlify": "nfp_" + a(36),
        "vercel": "vcp_" + a(56),
        "render": "rnd_" + a(28),
        "supabase pat": "sbp_" + h(40),
        "supabase secret": "sb_" + "secret_" + u(22) + "_" + a(8),
        "planetscale token": "pscale_" + "tkn_" + u(43),
        "planetscale password": "pscale_" + "pw_" + u(43),
        "planetscale oauth": "pscale_" + "oauth_" + u(32),
        "neon": "napi_" + low(64),
        "databricks": "dapi" + h(32),
        "databricks numbered": "dapi" + h(32) + "-2",
        "openshift": "sha256~" + u(43),
        "github pat": "ghp_" + a(36),
        "github oauth": "gho_" + a(36),
        "github user": "ghu_" + a(36),
        "github app": "ghs_" + a(36),
        "github refresh": "ghr_" + a(76),
        "github fine": "github_" + "pat_" + a(22) + "_" + a(59),
        "gitlab pat": "glpat-" + u(20),
        "gitlab routable": "glpat-" + u(27) + ".01." + low(9),
        "gitlab deploy": "gldt-" + u(20),
        "gitlab runner": "glrt-" + u(20),
        "gitlab job": "glcbt-" + "64_" + u(20),
        "gitlab trigger": "glptt-" + h(40),
        "gitlab feed": "glft-" + u(20),
        "gitlab scim": "glsoat-" + u(20),
        "gitlab agent": "glagent-" + u(50),
        "gitlab mail": "glimt-" + u(25),
        "gitlab oauth": "gloas-" + h(64),
        "gitlab old runner": "GR1348941" + u(20),
        "bitbucket": "ATBB" + a(32),
        "bitbucket server": "BBDC-" + b(40),
        "atlassian": "ATATT3" + "xFfGF0" + u(172) + "=" + up(8),
        "atlassian org": "ATCTT3" + "xFfGN0" + u(172) + "=" + up(8),
        "npm": "npm_" + a(36),
        "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + u(150),
        "rubygems": "rubygems_" + h(48),
        "crates": "cio" + a(32),
        "nuget": "oy2" + low(43),
        "clojars": "CLOJARS_" + h(60),
        "docker pat": "dckr_" + "pat_" + u(27),
        "docker org": "dckr_" + "oat_" + u(32),
        "artifactory key": "AKCp" + a(69),
        "artifactory token": "cmVmd" + a(59),
        "buildkite": "bkua_" + h(40),
        "circleci": "CCIPAT_" + a(22) + "_" + h(40),
        "sonarqube": "squ_" + h(40),
        "sourcegraph": "sgp_" + h(16) + "_" + h(40),
        "infracost": "ico-" + a(32),
        "prefect": "pnu_" + a(36),
        "launchdarkly": "sdk-" + m.uuid(),
        "vault": "hvs." + u(90),
        "vault batch": "hvb." + u(140),
        "vault old": "s." + "8Kb" + a(21),
        "terraform": a(14) + ".atlasv1." + u(67),
        "doppler personal": "dp.pt." + a(43),
        "doppler service": "dp.st." + "prd." + a(43),
        "doppler cli": "dp.ct." + a(43),
        "pulumi": "pul-" + h(40),
        "1password": "ops_" + "eyJ" + u(300),
        "1password key": "A3-" + f"{up(6)}-{up(6)}-{up(5)}-{up(5)}-{up(5)}-{up(5)}",
        "age": "AGE-SECRET-" + "KEY-1" + m.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
        "tailscale": "tskey-" + "auth-" + a(17) + "-" + a(32),
        "tailscale api": "tskey-" + "api-" + a(12) + "CNTRL-" + a(32),
        "slack bot": "xoxb-" + f"{digits(12)}-{digits(13)}-" + a(24),
        "slack user": "xoxp-" + f"{digits(12)}-{digits(12)}-{digits(13)}-" + h(32),
        "slack app": "xapp-" + f"1-A{up(10)}-{digits(13)}-" + h(64),
        "slack config": "xoxe." + "xoxp-" + "1-" + a(146),
        "slack refresh": "xoxe-" + "1-" + a(146),
        "slack client": "xoxc-" + f"{digits(12)}-{digits(13)}-{digits(13)}-" + h(64),
        "slack cookie": "xoxd-" + quote(b(120)),
        "discord bot": "M" + a(25) + "." + a(6) + "." + u(38),
        "telegram": digits(10) + ":AA" + u(33),
        "sendgrid": "SG." + u(22) + "." + u(43),
        "mailgun": "key-" + h(32),
        "mailgun new": h(32) + "-" + h(8) + "-" + h(8),
        "mailchimp": h(32) + "-us" + "14",
        "brevo": "xkeysib-" + h(64) + "-" + a(16),
        "resend": "re_" + a(8) + "_" + a(24),
        "twilio": "SK" + h(32),
        "stripe": "sk_" + "live_" + a(99),
        "stripe short": "sk_" + "live_" + a(24),
        "stripe test": "sk_" + "test_" + a(24),
        "stripe restricted": "rk_" + "live_" + a(24),
        "stripe webhook": "whsec_" + a(32),
        "svix webhook": "whsec_" + m.base64(24),
        "square": "EAAA" + u(60),
        "square secret": "sq0csp-" + u(43),
        "square old": "sq0atp-" + u(22),
        "paypal braintree": "access_token" + "$production$" + low(16) + "$" + h(32),
        "plaid": "access-" + "production-" + m.uuid(),
        "shopify": "shpat_" + h(32),
        "shopify shared": "shpss_" + h(32),
        "razorpay": "rzp_" + "live_" + a(14),
        "shippo": "shippo_" + "live_" + h(40),
        "new relic user": "NRAK-" + up(27),
        "new relic licence": h(36) + "NRAL",
        "sentry org": "sntrys_" + "eyJ" + b(120) + "_" + b(43),
        "sentry user": "sntryu_" + h(64),
        "grafana": "glsa_" + a(32) + "_" + h(8),
        "grafana cloud": "glc_" + b(120) + "=",
        "dynatrace": "dt0c01." + up(24) + "." + up(64),
        "honeycomb": "hcaik_" + low(58),
        "posthog": "phx_" + a(43),
        "linear": "lin_" + "api_" + a(40),
        "linear oauth": "lin_" + "oauth_" + h(64),
        "notion": "secret_" + "a1B" + a(40),
        "notion new": "ntn_" + a(46),
        "airtable": "pat" + a(14) + "." + h(64),
        "figma": "figd_" + u(40),
        "postman": "PMAK-" + h(24) + "-" + h(34),
        "typeform": "tfp_" + u(59),
        "hubspot": "pat-" + "na1-" + m.uuid(),
        "contentful": "CFPAT-" + u(43),
        "dropbox": "sl." + u(135),
        "facebook": "EAA" + a(180),
        "mapbox": "sk." + "eyJ" + u(80) + "." + u(22),
        "apify": "apify_" + "api_" + a(36),
        "asana": "1/" + digits(16) + ":" + h(32),
        "jwt": m.jwt(),
    }


SETTINGS: dict[str, Callable[[str], str]] = {
    "bare": lambda s: s,
    "line end": lambda s: f"the new one is {s}\nnext line",
    "sentence": lambda s: f"I found {s}, which looks wrong.",
    "env": lambda s: f"T={s} ./deploy.sh --now",
    "export": lambda s: f"export THING={s}\nmake",
    "json": lambda s: json.dumps({"command": "deploy", "t": s, "n": 1}),
    "json in json": lambda s: json.dumps({"body": json.dumps({"t": s})}),
    "json line": lambda s: json.dumps({"output": f"first\n{s}\nlast"}),
    "yaml": lambda s: f"name: x\nt: {s}\nother: 1\n",
    "single quotes": lambda s: f"run('{s}')",
    "double quotes": lambda s: f'client = Client("{s}")',
    "backticks": lambda s: f"use `{s}` there",
    "query": lambda s: f"https://api.host.dev/v1/x?t={quote(s, safe='')}&page=2",
    "header": lambda s: f"curl -H 'Authorization: Bearer {s}' https://api.host.dev/",
    "colour": lambda s: f"\x1b[32m{s}\x1b[0m",
    "diff": lambda s: f"-old\n+{s}\n",
    "table": lambda s: f"| t | {s} |",
    "xml": lambda s: f"<t>{s}</t>",
    "escaped quote": lambda s: f'echo "t=\\"{s}\\""',
}


def in_settings(m: Maker) -> Iterator[Sample]:
    """Each self-identifying secret in each setting."""
    for name, secret in self_identifying(m).items():
        for setting, put in SETTINGS.items():
            shown = quote(secret, safe="") if setting == "query" else secret
            yield Sample(f"{name} / {setting}", shown, put(secret))


def in_context(m: Maker) -> Iterator[Sample]:
    """Secrets that only their surroundings tell."""
    p, h, a, b = m.password, partial(m.of, HEX), partial(m.of, ALNUM), partial(m.of, B64)
    login = lambda: base64.b64encode(f"deploy:{p()}".encode()).decode()  # noqa: E731  (read beside its uses)
    words = "correct-horse-battery-staple"
    rows: tuple[tuple[str, Callable[[], str], str], ...] = (
        ("PGPASSWORD", p, "PGPASSWORD={} psql -h db -U app"),
        ("PGPASSWORD quoted", p, "PGPASSWORD='{}' psql -h db -U app"),
        ("PGPASSWORD word", lambda: "correct" + "horsebattery", "PGPASSWORD={} psql -h db -U app"),
        ("PGPASSWORD in json", p, json.dumps({"command": "cd x\nPGPASSWORD={} psql"}).replace("{}", "{}")),
        ("MYSQL_PWD", p, "export MYSQL_PWD={}\nmysql -u root"),
        ("DB_PASS", p, "DB_HOST=db\nDB_PASS={}\nDB_NAME=app"),
        ("compose", p, "    environment:\n      POSTGRES_PASSWORD: {}\n      POSTGRES_DB: app"),
        ("yaml password", p, "db:\n  user: app\n  password: {}\n  port: 5432\n"),
        ("yaml words", lambda: words, "password: {}\n"),
        ("yaml quoted", p, 'password: "{}"\n'),
        ("json password", p, '{{"user": "app", "password": "{}", "port": 5432}}'),
        ("json escaped", p, '"{{\\"user\\": \\"app\\", \\"password\\": \\"{}\\"}}"'),
        ("python", p, 'connect(host="db", password="{}", port=1)'),
        ("python typed", p, 'PASSWORD: str = "{}"'),
        ("python dict", p, "config['password'] = '{}'"),
        ("js", p, "const config = {{ user: 'a', password: '{}' }};"),
        ("go", p, 'password := "{}"'),
        ("ruby", p, ":password => '{}',"),
        ("php", p, "define('DB_PASSWORD', '{}');"),
        ("java properties", p, "spring.datasource.password={}\nspring.jpa.show-sql=false"),
        ("ado", p, "Server=tcp:db;Database=app;User ID=app;Password={};Encrypt=True;"),
        ("odbc", p, "Driver={{x}};Server=db;UID=app;PWD={};"),
        ("libpq", p, "host=db user=app password={} dbname=app"),
        ("xml element", p, "<server><username>ci</username><password>{}</password></server>"),
        ("xml attribute", p, '<add key="SmtpPassword" value="{}" />'),
        ("k8s env", p, "- name: DB_PASSWORD\n  value: {}\n"),
        ("k8s env json", p, '{{"name": "DB_PASSWORD", "value": "{}"}}'),
        (
            "k8s secret",
            lambda: base64.b64encode(p().encode()).decode(),
            "kind: Secret\ndata:\n  password: {}\n",
        ),
        ("my.cnf", p, "[client]\nuser=root\npassword={}\n"),
        ("ini", p, "[db]\nuser = app\npassword = {}\n"),
        (".netrc", p, "machine api.host.dev login deploy password {}"),
        (".netrc lines", p, "machine api.host.dev\n  login deploy\n  password {}\n"),
        (".netrc default", p, "default login anonymous password {}"),
        (".netrc in json", p, '{{"content": "machine git.host.dev\\nlogin me\\npassword {}\\n"}}'),
        (".pgpass", p, "db.internal:5432:app:deploy:{}"),
        (".pgpass star", p, "*:*:*:deploy:{}"),
        (".pgpass file", p, "# mine\nlocalhost:5432:app:deploy:{}\n"),
        (".pgpass echo", p, 'echo "db.internal:5432:app:deploy:{}" > ~/.pgpass'),
        (".pgpass in json", p, '{{"content": "db.internal:5432:app:deploy:{}\\n"}}'),
        ("curl -u", p, "curl -u deploy:{} https://host.dev/x"),
        ("curl --user", p, "curl --user 'deploy:{}' https://host.dev/x"),
        ("mysql -p", p, "mysql -u root -p{} -e 'select 1'"),
        ("mysqldump -p", p, "mysqldump -uroot -p'{}' app"),
        ("sshpass", p, "sshpass -p '{}' ssh root@host"),
        ("redis-cli -a", p, "redis-cli -h r -a {} ping"),
        ("redis conf", p, "requirepass {}\n"),
        ("docker login", p, "docker login -u me -p {} registry.host.dev"),
        ("flag", p, "deploy --password {} --verbose"),
        ("flag =", p, "deploy --db-password={} --verbose"),
        ("flag argv", p, '["deploy", "--password", "{}"]'),
        ("flag token", lambda: a(32), "vault login --token {} -x"),
        ("openssl", p, "openssl enc -aes-256-cbc -pass pass:{} -in x"),
        ("sql identified", p, "CREATE USER app IDENTIFIED BY '{}';"),
        ("sql role", p, "ALTER ROLE app WITH LOGIN PASSWORD '{}';"),
        ("chpasswd", p, "echo 'root:{}' | chpasswd"),
        ("powershell", p, 'ConvertTo-SecureString "{}" -AsPlainText -Force'),
        ("aws secret file", lambda: b(40), "aws_secret_access_key = {}\nregion = eu-west-1"),
        ("aws secret env", lambda: b(40), "export AWS_SECRET_ACCESS_KEY={}"),
        ("aws secret json", lambda: b(40), '"SecretAccessKey": "{}",'),
        ("aws session env", lambda: b(300), "AWS_SESSION_TOKEN={}"),
        ("aws session json", lambda: b(300), '"SessionToken": "{}",'),
        (
            "azure account key",
            lambda: m.base64(64),
            "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core.windows.net",
        ),
        (
            "azure bus",
            lambda: m.base64(32),
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={}",
        ),
        ("azure secret", lambda: a(40), "AZURE_CLIENT_SECRET={}"),
        ("azure devops", lambda: m.of(LOWER, 52), "AZURE_DEVOPS_EXT_PAT_TOKEN={}"),
        ("twilio", lambda: h(32), "TWILIO_AUTH_TOKEN={}"),
        ("datadog", lambda: h(32), "DD_API_KEY={}"),
        ("datadog app", lambda: h(40), "DD_APP_KEY={}"),
        ("datadog header", lambda: h(40), "-H 'DD-APPLICATION-KEY: {}'"),
        ("heroku", m.uuid, "HEROKU_API_KEY={}"),
        ("railway", m.uuid, "RAILWAY_TOKEN={}"),
        ("cloudflare key", lambda: h(37), "CLOUDFLARE_API_KEY={}"),
        ("cloudflare token", lambda: m.of(URL64, 40), "CLOUDFLARE_API_TOKEN={}"),
        ("fastly", lambda: a(32), "Fastly-Key: {}"),
        ("vercel", lambda: a(24), "VERCEL_TOKEN={}"),
        ("algolia", lambda: h(32), "ALGOLIA_ADMIN_KEY={}"),
        ("pagerduty", lambda: a(20), "PAGERDUTY_TOKEN={}"),
        ("okta", lambda: "00" + a(40), "Authorization: SSWS {}"),
        ("mistral", lambda: a(32), "MISTRAL_API_KEY={}"),
        ("cohere", lambda: a(40), "CO_API_KEY={}"),
        ("zoom", lambda: a(32), '"client_secret": "{}"'),
        ("x-api-key", lambda: a(40), "curl -H 'X-Api-Key: {}' https://host.dev"),
        ("x-auth", lambda: h(40), "X-Auth-Token: {}"),
        ("private-token", lambda: a(20), "--header 'PRIVATE-TOKEN: {}'"),
        ("bearer", lambda: a(40), "Authorization: Bearer {}"),
        ("bearer json", lambda: a(40), '{{"headers": {{"Authorization": "Bearer {}"}}}}'),
        ("basic", login, "Authorization: Basic {}"),
        ("basic json", login, '{{"authorization": "Basic {}"}}'),
        ("token scheme", lambda: h(40), "Authorization: token {}"),
        ("cookie", lambda: a(32), "Cookie: theme=dark; sessionid={}; lang=en"),
        ("set-cookie", lambda: m.of(URL64, 44), "set-cookie: session={}; Path=/; HttpOnly"),
        ("curl cookie", lambda: a(40), "curl --cookie 'auth_token={}' https://host.dev"),
        ("docker config", login, '{{"auths": {{"ghcr.io": {{"auth": "{}"}}}}}}'),
        ("npmrc token", m.uuid, "//registry.host.dev/:_authToken={}"),
        ("npmrc auth", login, "_auth={}\nemail=me@host.dev"),
        (
            "npmrc password",
            lambda: base64.b64encode(p().encode()).decode(),
            "//registry.host.dev/:_password={}",
        ),
        ("pypirc", p, "[pypi]\nusername = me\npassword = {}\n"),
        ("rails", lambda: h(32), "RAILS_MASTER_KEY={}"),
        ("rails base", lambda: h(128), "SECRET_KEY_BASE={}"),
        (
            "django",
            lambda: "django-insecure-" + m.of(LOWER + "!@#$%^&*(-_=+)", 50).replace("$", "x"),
            "SECRET_KEY = '{}'",
        ),
        ("jwt secret", lambda: a(48), "JWT_SECRET={}"),
        ("jwt secret words", lambda: "quiet-otter-paints-7-moons", 'JWT_SECRET="{}"'),
        ("encryption key", lambda: m.base64(32), "ENCRYPTION_KEY={}"),
        ("wireguard", lambda: m.base64(32), "[Interface]\nPrivateKey = {}\nAddress = 10.0.0.2/32"),
        ("wireguard psk", lambda: m.base64(32), "PresharedKey = {}"),
        ("wpa", p, 'network={{\n  ssid="home"\n  psk="{}"\n}}'),
        ("k8s token", lambda: a(64), "users:\n- name: x\n  user:\n    token: {}\n"),
        (
            "kubeadm",
            lambda: m.of(LOWER, 6) + "." + m.of(LOWER, 16),
            "kubeadm join 10.0.0.1:6443 --token {} --x",
        ),
        ("oauth reply", lambda: m.of(URL64, 60), '{{"access_token": "{}", "expires_in": 3600}}'),
        ("oauth refresh", lambda: m.of(URL64, 60), '{{"refresh_token":"{}","scope":"a"}}'),
        ("oauth form", lambda: a(40), "grant_type=client_credentials&client_id=x&client_secret={}&scope=a"),
        ("terraform var", p, 'variable "db" {{}}\ndb_password = "{}"'),
        ("gradle", p, "signing.keyPassword={}"),
        ("ansible", p, "ansible_become_pass: {}\n"),
        ("smtp", p, "SMTP_PASSWORD={}"),
        ("ldap", p, "bindpw {}\n"),
        ("otp", lambda: m.of(BASE32, 32), "otpauth://totp/x:me?secret={}&issuer=x"),
        ("storepass", p, "keytool -storepass {} -list"),
        ("htpasswd", p, "htpasswd -bc /etc/x me {}"),
        ("claude credentials", lambda: m.of(URL64, 90), '{{"claudeAiOauth":{{"accessToken":"{}"}}}}'),
        ("braintree", lambda: h(32), "BRAINTREE_PRIVATE_KEY={}"),
        ("paypal", lambda: m.of(URL64, 80), "PAYPAL_CLIENT_SECRET={}"),
        ("mnemonic", lambda: " ".join(m.of(string.ascii_lowercase, 5) for _ in range(12)), 'mnemonic: "{}"'),
        ("ethereum", lambda: "0x" + h(64), "PRIVATE_KEY={}"),
        ("dotnet user secret", p, '"ConnectionStrings:Password": "{}"'),
        ("tfstate", p, '"master_password": "{}",'),
        ("secret of letters", lambda: "oGqOlDsj" + "mvGiZGoNwMHe", "secret={}"),
        ("vault header", lambda: "s." + "qIpDHahvYFev" + "PUaKRIrOaLuA", "X-Vault-Token: {}"),
        ("dockerfile", p, "FROM x\nENV DB_PASSWORD {}\n"),
        ("setenv", p, "setenv DB_PASSWORD {}"),
        ("xml cdata", p, "<password><![CDATA[{}]]></password>"),
        ("prose", lambda: m.of(ALNUM, 16), "the db password is: {}"),
        ("mongo -p", p, "mongosh -u x -p {} --host y"),
        ("ldap -w", p, "ldapsearch -D cn=x -w {} -b y"),
        ("unzip -P", p, "unzip -P {} a.zip"),
        ("7z -p", lambda: m.of(ALNUM, 14), "7z x -p{} a.7z"),
        ("smbclient", p, "smbclient //h/s -U me%{}"),
        ("sudo here", p, "sudo -S <<< '{}' ls"),
        ("sudo pipe", p, "echo '{}' | sudo -S ls"),
        ("docker stdin", lambda: a(40), "echo {} | docker login -u me --password-stdin"),
        ("twitch", lambda: m.of(LOWER, 30), "PASS oauth:{}"),
        ("fernet", lambda: m.base64(32), "FERNET_KEY={}"),
        ("unclosed", p, '{{"password": "{}'),
    )
    for name, make, frame in rows:
        secret = make()
        yield Sample(
            name,
            secret,
            frame.replace("{{", "\0")
            .replace("}}", "\1")
            .replace("{}", secret)
            .replace("\0", "{")
            .replace("\1", "}"),
        )


def in_urls(m: Maker) -> Iterator[Sample]:
    """Secrets inside addresses."""
    p, a, h, u = m.password, partial(m.of, ALNUM), partial(m.of, HEX), partial(m.of, URL64)
    for scheme in "postgres postgresql+asyncpg mysql mongodb mongodb+srv redis rediss amqp https ftp smtp ldap nats".split():
        secret = quote(p(), safe="")
        yield Sample(f"url {scheme}", secret, f"connect {scheme}://app:{secret}@db.host.dev:5432/app?x=1")
    secret = p()
    yield (
        Sample(
            "url no user",
            secret,
            f"REDIS_URL=redis://:{secret.replace('#', 'x').replace('?', 'y')}@r:6379/0".replace(
                secret, secret
            ),
        )
        if not set(secret) & set("#?")
        else Sample("url no user", "abc9xyz8k", "redis://:abc9xyz8k@r:6379")
    )
    secret = a(40)
    yield Sample("git credentials", secret, f"https://me:{secret}@github.com\n")
    yield Sample("git push", secret, f"git push https://x-access-token:{secret}@github.com/o/r.git")
    yield Sample("user only", secret, f"git clone https://{secret}@git.host.dev/o/r.git")
    secret = "https://hooks.slack.com/" + f"services/T{m.of(UPPER, 10)}/B{m.of(UPPER, 10)}/{a(24)}"
    yield Sample("slack webhook", secret, f"curl -X POST -d '{{}}' {secret}")
    yield Sample(
        "slack webhook escaped", secret.replace("/", "\\/"), '{"u":"' + secret.replace("/", "\\/") + '"}'
    )
    secret = "https://discord.com/" + f"api/webhooks/{m.of('123456789', 19)}/{u(68)}"
    yield Sample("discord webhook", secret, f'{{"url": "{secret}"}}')
    secret = (
        "https://contoso.webhook.office.com/"
        f"webhookb2/{m.uuid()}@{m.uuid()}/IncomingWebhook/{h(32)}/{m.uuid()}"
    )
    yield Sample("teams webhook", secret, f"TEAMS={secret}")
    signature = quote(m.base64(32), safe="")
    yield Sample(
        "azure sas",
        signature,
        f"https://x.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&se=2030-01-01&sp=r&sig={signature}",
    )
    yield Sample("azure sas first", signature, f"?sig={signature}&sv=2022-11-02")
    yield Sample("azure sas json", signature, json.dumps({"u": f"https://x/c?sv=1&sig={signature}"}))
    signature = h(64)
    yield Sample(
        "s3 presigned",
        signature,
        f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}&x=1",
    )
    signature = h(512)
    yield Sample(
        "gcs presigned", signature, f"https://storage.googleapis.com/b/k?X-Goog-Signature={signature}"
    )
    signature = quote(m.base64(20), safe="")
    yield Sample(
        "s3 old", signature, f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Expires=1&Signature={signature}"
    )
    token = a(32)
    yield Sample("query api_key", token, f"https://api.host.dev/v1?api_key={token}&q=1")
    yield Sample("query token", token, f"GET /v1/x?access_token={token} HTTP/1.1")
    yield Sample("query encoded", token, f"redirect=https%3A%2F%2Fx%3Ftoken%3D{token}%26y%3D1")


def in_blocks(m: Maker) -> Iterator[Sample]:
    """Keys of many lines, whole, escaped, indented, encoded and cut."""
    labels = (
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    )
    for label in labels:
        pem = m.pem(label)
        yield Sample(label, pem, f"cat key\n{pem}\ndone")
    pem = m.pem()
    body = pem.split("-----")[2]
    escaped = pem.replace("\n", "\\n")
    yield Sample("pem in json", escaped, json.dumps({"content": pem}))
    yield Sample(
        "pem twice in json", escaped.replace("\\n", "\\\\n"), json.dumps({"b": json.dumps({"content": pem})})
    )
    yield Sample(
        "service account",
        (pem + "\n").replace("\n", "\\n"),
        json.dumps(
            {"type": "service_account", "private_key_id": m.of(HEX, 40), "private_key": pem + "\n"}, indent=2
        ),
    )
    indented = pem.replace("\n", "\n    ")
    yield Sample("pem in yaml", indented, f"key: |\n    {indented}\nother: 1")
    yield Sample("pem cut", pem[:700], f"{pem[:700]}")
    yield Sample("pem cut escaped", escaped[:700], '{"t": "' + escaped[:700] + '"}')
    yield Sample("pem headless", body[100:].strip(), pem.split("-----", 2)[2][100:] + "\nrest")
    yield Sample("pem in quotes", pem, f"key = '''{pem}'''")
    yield Sample("pem in diff", pem.replace("\n", "\n+"), f"+{pem}".replace("\n", "\n+"))
    encoded = base64.b64encode((pem + "\n").encode()).decode()
    yield Sample("kubeconfig", encoded, f"users:\n- name: a\n  user:\n    client-key-data: {encoded}\n")
    yield Sample("kubeconfig bare", encoded, f"x {encoded} y")
    age = "AGE-SECRET-" + "KEY-1" + m.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)
    yield Sample("age file", age, f"# created: 2024-01-01\n# public key: age1{m.of(LOWER, 58)}\n{age}\n")
    lines = "\n".join(m.of(B64, 64) for _ in range(8))
    putty = f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 8\n{lines}\nPrivate-MAC: {m.of(HEX, 64)}"
    yield Sample("putty", lines, putty + "\n")
    number = m.of(URL64, 86)
    yield Sample("jwk", number, json.dumps({"kty": "RSA", "n": "x" * 30, "e": "AQAB", "d": number}))
    hashed = "$2b$" + "12$" + m.of(ALNUM, 53)
    yield Sample("bcrypt", hashed, f"admin:{hashed}\n")
    hashed = "$6$" + m.of(ALNUM, 16) + "$" + m.of(ALNUM, 86)
    yield Sample("shadow", hashed, f"root:{hashed}:19000:0:99999:7:::\n")


def corpus(seed: int = 2) -> list[Sample]:
    """All of it."""
    m = Maker(seed)
    return [*in_settings(m), *in_context(m), *in_urls(m), *in_blocks(m)]
