# SPDX-License-Identifier: Apache-2.0
"""Secrets that say themselves what they are: a fixed prefix and a body of a known alphabet and length.

Rules: a row is looked for only where its literal prefix stands in the text (one big alternation is an order of
magnitude slower); a body is a possessive, bounded regular expression, so that no input costs more than linear
time; bodies have no upper length that a vendor could outgrow, so that a finding ends where the alphabet ends.
Prefixes alone are not secret, and nothing longer than a prefix may ever stand in this file.

Where the formats are from: the vendors' documentation of their tokens and of secret scanning for them.
"""

import re
from typing import NamedTuple

_LONGEST = 4096


class Token(NamedTuple):
    """A secret that begins with `prefix`; `body` matches right after it."""

    kind: str
    prefix: str
    body: re.Pattern[str]


class Shape(NamedTuple):
    """A secret known by a mark inside it."""

    kind: str
    mark: str
    head: re.Pattern[str]
    """Ends where the mark begins."""
    tail: re.Pattern[str]
    """The mark and what follows."""


HEAD_MAX = 130
"""How far a head can reach back."""


def _alnum(least: int) -> str:
    return f"[A-Za-z0-9]{{{least},{_LONGEST}}}+"


def _url64(least: int) -> str:
    return f"[A-Za-z0-9_-]{{{least},{_LONGEST}}}+"


def _hex(least: int) -> str:
    return f"[0-9a-fA-F]{{{least},{_LONGEST}}}+"


def _base64(least: int) -> str:
    return f"[A-Za-z0-9+/_%-]{{{least},{_LONGEST}}}+={{0,2}}"


_END = "(?![A-Za-z0-9])"
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_MIXED = "(?=[A-Za-z]{0,40}[0-9])(?=[a-z0-9]{0,40}[A-Z])"
"""A digit and a capital must occur: keeps method names apart from tokens behind a prefix of one letter."""

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("jwt", "eyJ", r"[A-Za-z0-9_-]{8,4096}+\.[A-Za-z0-9_-]{8,8192}+(?:\.[A-Za-z0-9_-]{0,8192}+){0,3}"),
    ("harness-token", "pat.", r"[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    ("password-hash", "$2a$ $2b$ $2x$ $2y$", r"[0-9]{2}\$[A-Za-z0-9./]{53}"),
    ("password-hash", "$1$ $5$ $6$ $y$ $7$ $gy$ $apr1$ $sha1$", r"[A-Za-z0-9./=,$]{20,256}+"),
    ("password-hash", "$argon2id$ $argon2i$ $argon2d$", r"[A-Za-z0-9+/=,$]{30,512}+"),
    # models and what runs them
    ("anthropic-key", "sk-ant-", _url64(20)),
    ("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-service- sk-None-", _url64(20)),
    ("openrouter-key", "sk-or-", _url64(24)),
    ("langfuse-key", "sk-lf-", _url64(24)),
    ("openai-key", "sk-", _alnum(32)),
    ("elevenlabs-key", "sk_", _hex(40)),
    ("huggingface-token", "hf_ api_org_", _alnum(30)),
    ("groq-key", "gsk_", _alnum(40)),
    ("xai-key", "xai-", _alnum(40)),
    ("perplexity-key", "pplx-", _alnum(40)),
    ("replicate-token", "r8_", _alnum(30)),
    ("fireworks-key", "fw_", _alnum(22)),
    ("together-key", "tgp_v1_", _url64(30)),
    ("tavily-key", "tvly-", _url64(20)),
    ("pinecone-key", "pcsk_", r"\w{30,512}+"),
    ("langsmith-key", "lsv2_pt_ lsv2_sk_", r"\w{32,512}+"),
    ("nvidia-key", "nvapi-", _url64(40)),
    ("cerebras-key", "csk-", _alnum(32)),
    ("e2b-key", "e2b_", _hex(32)),
    ("firecrawl-key", "fc-", f"[0-9a-f]{{32}}{_END}"),
    ("cursor-key", "crsr_", _alnum(32)),
    ("jina-key", "jina_", _url64(40)),
    ("voyage-key", "pa-", f"(?=[A-Za-z_-]{{0,40}}[0-9])[A-Za-z0-9_-]{{43}}{_END}"),
    ("browserbase-key", "bb_live_", _url64(20)),
    ("runpod-key", "rpa_", _alnum(30)),
    ("wandb-key", "wandb_v1_", r"\w{30,512}+"),
    ("baseten-key", "bt_", f"[A-Za-z0-9]{{40,64}}{_END}"),
    # clouds
    ("aws-access-key-id", "AKIA ASIA ABIA ACCA", f"[A-Z0-9]{{16}}{_END}"),
    ("aws-bedrock-key", "ABSK bedrock-api-key-", _base64(40)),
    ("google-api-key", "AIza", _url64(35)),
    ("google-gemini-key", "AQ.Ab", _url64(36)),
    ("google-oauth-token", "ya29.", f"[A-Za-z0-9_.-]{{20,{_LONGEST}}}+"),
    ("google-client-secret", "GOCSPX-", _url64(24)),
    ("google-refresh-token", "1//0 1%2F%2F0", _url64(30)),
    ("google-auth-code", "4/0A", _url64(50)),
    ("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", _hex(40)),
    ("alibaba-access-key-id", "LTAI", f"[A-Za-z0-9]{{16,24}}{_END}"),
    ("tencent-secret-id", "AKID", f"[A-Za-z0-9]{{32,48}}{_END}"),
    ("scaleway-access-key", "SCW", f"[A-Z0-9]{{17}}{_END}"),
    ("yandex-token", "AQVN t1.", f"[A-Za-z0-9_.=-]{{35,{_LONGEST}}}+"),
    ("cloudflare-origin-key", "v1.0-", "[0-9a-f]{24}-[0-9a-f]{100,200}+"),
    ("cloudflare-token", "cfut_ cfat_ cfk_", _url64(36)),
    ("fly-token", "fm1_ fm1a_ fm1r_ fm2_ fo1_", f"[A-Za-z0-9+/=,_%-]{{40,{_LONGEST}}}+"),
    ("heroku-key", "HRKU-", _url64(30)),
    ("netlify-token", "nfp_ nfc_ nfo_ nfu_ nfb_", _alnum(30)),
    ("vercel-token", "vcp_ vci_ vca_ vcr_ vck_ vercel_blob_rw_", r"\w{20,512}+"),
    ("render-key", "rnd_", _alnum(24)),
    ("supabase-key", "sbp_ sbp_oauth_ sb_secret_", _url64(22)),
    ("planetscale-credential", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.=-]{30,512}+"),
    ("neon-key", "napi_", _alnum(40)),
    ("neon-password", "npg_", f"[A-Za-z0-9]{{12,32}}{_END}"),
    ("databricks-token", "dapi dkea dose", f"[0-9a-f]{{32}}(?:-[0-9]{{1,3}})?{_END}"),
    ("mongodb-atlas-secret", "mdb_sa_sk_", _url64(30)),
    ("openshift-token", "sha256~", _url64(40)),
    # source, builds, packages
    ("github-token", "ghp_ gho_ ghu_ ghr_", _alnum(30)),
    ("github-token", "ghs_", r"[A-Za-z0-9_-]{30,4096}+(?:\.[A-Za-z0-9_-]{10,4096}+){0,2}"),
    ("github-token", "github_pat_", r"\w{40,512}+"),
    (
        "gitlab-token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glsoat- glagent- glimt- gloas- glffct- glwt- GR1348941",
        r"[A-Za-z0-9_-]{20,512}+(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9}+)?",
    ),
    ("bitbucket-token", "BBDC- ATBB", r"[A-Za-z0-9+/=_%-]{24,512}+"),
    ("atlassian-token", "ATATT3 ATCTT3 ATSTT3", r"[A-Za-z0-9_=-]{40,512}+"),
    ("npm-token", "npm_", _alnum(30)),
    ("pypi-token", "pypi-", _url64(50)),
    ("rubygems-key", "rubygems_", _hex(40)),
    ("crates-token", "cio", f"[A-Za-z0-9]{{32}}{_END}"),
    ("nuget-key", "oy2", f"[a-z0-9]{{43}}{_END}"),
    ("clojars-token", "CLOJARS_", _hex(60)),
    ("packagist-token", "packagist_ort_ packagist_out_ packagist_uut_ packagist_aut_", _hex(40)),
    ("docker-token", "dckr_pat_ dckr_oat_", _url64(20)),
    ("artifactory-key", "AKCp", f"[A-Za-z0-9]{{60,80}}{_END}"),
    ("artifactory-token", "cmVmd", f"[A-Za-z0-9]{{59}}{_END}"),
    ("buildkite-token", "bkua_ bkct_ bkaj_ bkat_ bkpt_", _alnum(30)),
    ("circleci-token", "CCIPAT_ CCIPRJ_", r"\w{30,512}+"),
    ("sonarqube-token", "squ_ sqp_ sqa_", _hex(40)),
    ("sourcegraph-token", "sgp_", r"\w{40,512}+"),
    ("jetbrains-token", "perm-", r"[A-Za-z0-9+/=]{8,256}+\.[A-Za-z0-9+/=.]{20,512}+"),
    ("infracost-key", "ico-", _alnum(32)),
    ("launchdarkly-key", "sdk- api- mob-", _UUID),
    ("readme-key", "rdme_", _alnum(60)),
    ("prefect-key", "pnu_ pnb_", _alnum(36)),
    ("trigger-key", "tr_dev_ tr_prod_ tr_stg_", _alnum(20)),
    # secrets stores, infrastructure
    ("vault-token", "hvs. hvb. hvr.", _url64(20)),
    ("vault-token", "s. b.", f"{_MIXED}[A-Za-z0-9]{{24}}(?:\\.[A-Za-z0-9]{{5}})?{_END}"),
    (
        "doppler-token",
        "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. dp.said.",
        r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{36,64}+",
    ),
    ("pulumi-token", "pul-", _hex(40)),
    ("onepassword-token", "ops_", _url64(60)),
    (
        "onepassword-secret-key",
        "A3-",
        "[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
    ),
    ("age-key", "AGE-SECRET-KEY-1 AGE-SECRET-KEY-PQ-1", r"[A-Z0-9]{40,2048}+"),
    ("age-key", "age-secret-key-1", r"[a-z0-9]{40,2048}+"),
    ("tailscale-key", "tskey-", _url64(20)),
    ("ory-token", "ory_pat_ ory_at_ ory_rt_", _url64(24)),
    ("sops-age-key", "AGE-PLUGIN-", r"[A-Z0-9-]{40,512}+"),
    # talk and mail
    ("slack-token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxc- xoxo- xoxe- xapp- xwfp-", r"[A-Za-z0-9-]{16,512}+"),
    ("slack-token", "xoxe.", r"xox[bp]-[A-Za-z0-9-]{16,512}+"),
    ("slack-cookie", "xoxd-", r"[A-Za-z0-9%+/=_-]{16,1024}+"),
    ("discord-token", "mfa.", _url64(60)),
    ("sendgrid-key", "SG.", r"[A-Za-z0-9_-]{16,40}+\.[A-Za-z0-9_-]{32,128}+"),
    ("mailgun-key", "key-", f"[0-9a-f]{{32}}{_END}"),
    ("brevo-key", "xkeysib- xsmtpsib-", "[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    ("mandrill-key", "md-", f"(?=[A-Za-z_-]{{0,22}}[0-9])[A-Za-z0-9_-]{{22}}{_END}"),
    ("resend-key", "re_", "[A-Za-z0-9]{8}_[A-Za-z0-9]{16,64}+"),
    ("twilio-auth-token", "AC", rf"[0-9a-f]{{32}}[\s:|,\"']{{1,4}}[0-9a-f]{{32}}{_END}"),
    ("twilio-key", "SK", f"[0-9a-fA-F]{{32}}{_END}"),
    # money
    ("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ sk_org_ ek_live_ ek_test_", r"\w{16,512}+"),
    ("webhook-secret", "whsec_", r"[A-Za-z0-9+/_%-]{24,256}+={0,2}"),
    ("square-token", "EAAA", _url64(50)),
    ("square-token", "sq0atp- sq0csp- sq0idp-", _url64(22)),
    (
        "braintree-token",
        "access_token$production$ access_token$sandbox$ access_token%24production%24",
        r"[a-z0-9]{16}(?:\$|%24)[0-9a-f]{32}",
    ),
    ("plaid-token", "access-sandbox- access-development- access-production-", _UUID),
    ("shopify-token", "shpat_ shpss_ shpca_ shppa_ shpua_ shptka_", _hex(32)),
    ("razorpay-key", "rzp_live_ rzp_test_", f"[A-Za-z0-9]{{14,32}}{_END}"),
    ("twitch-token", "oauth:", f"[a-z0-9]{{30}}{_END}"),
    ("easypost-key", "EZAK EZTK", f"[A-Za-z0-9]{{54}}{_END}"),
    ("flutterwave-key", "FLWSECK- FLWSECK_TEST-", r"[A-Za-z0-9-]{12,128}+"),
    ("paddle-key", "pdl_live_apikey_ pdl_sdbx_apikey_", r"\w{30,256}+"),
    ("polar-token", "polar_oat_ polar_pat_ polar_whs_", _url64(30)),
    ("shippo-token", "shippo_live_ shippo_test_", _hex(40)),
    # seeing what happens
    ("newrelic-key", "NRAK- NRII- NRRA-", _url64(24)),
    ("datadog-key", "ddapp_ ddpat_", _alnum(30)),
    ("sentry-token", "sntrys_ sntryu_ sntrya_", r"[A-Za-z0-9+/=_%-]{40,1024}+"),
    ("grafana-token", "glsa_", r"\w{32,128}+"),
    ("grafana-token", "glc_", _base64(32)),
    ("grafana-token", "eyJrIjoi", _base64(40)),
    ("dynatrace-token", "dt0c01. dt0s01. dt0s16.", r"[A-Z0-9]{8,32}+\.[A-Z0-9]{40,128}+"),
    ("honeycomb-key", "hcaik_ hcamk_ hcxik_ hcxmk_ hcbik_", _alnum(30)),
    ("axiom-token", "xaat- xapt-", _UUID),
    ("posthog-key", "phx_", _alnum(40)),
    ("logfire-token", "pylf_v1_", r"\w{30,256}+"),
    # work tools
    ("linear-key", "lin_api_ lin_oauth_ lin_wh_", _alnum(30)),
    ("notion-token", "secret_", f"{_MIXED}[A-Za-z0-9]{{43}}{_END}"),
    ("notion-token", "ntn_", _alnum(40)),
    ("airtable-token", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("figma-token", "figd_ figu_ figo_ figur_ figdr_ figoh_ figor_", _url64(30)),
    ("postman-key", "PMAK- PMAT-", r"[A-Za-z0-9]{24,26}(?:-[0-9a-f]{34})?"),
    ("typeform-token", "tfp_", _url64(40)),
    ("hubspot-token", "pat-na1- pat-na2- pat-eu1- pat-ap1-", _UUID),
    ("contentful-token", "CFPAT-", _url64(40)),
    ("dropbox-token", "sl.", _url64(100)),
    ("facebook-token", "EAA", _alnum(60)),
    ("instagram-token", "IGQV", _url64(60)),
    ("twitter-bearer", "AAAAAAAAAAAAAAAAAAAAA", r"[A-Za-z0-9%]{60,256}+"),
    ("mapbox-token", "sk.eyJ", r"[A-Za-z0-9_-]{20,512}+\.[A-Za-z0-9_-]{10,128}+"),
    ("wakatime-key", "waka_", _UUID),
    ("duffel-token", "duffel_live_ duffel_test_", _url64(40)),
    ("apify-token", "apify_api_", _alnum(30)),
    ("unkey-key", "unkey_", _alnum(20)),
    ("jumpcloud-key", "jca_", _alnum(30)),
    ("adobe-secret", "p8e-", _url64(32)),
)

TOKENS: tuple[Token, ...] = tuple(
    Token(kind, prefix, re.compile(body)) for kind, prefixes, body in _ROWS for prefix in prefixes.split(" ")
)


_START = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9A-F]{2})"
    r"|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m)|(?<=\x1b\[[0-9];[0-9]{2}m))"
)
"""A word begins here: at a boundary, or after an escape whose last letter only looks like part of it."""
_AZURE_MARKS = "AzFu AzSe AzCa +ASt +ACR +AEh +ARm %2BASt %2BACR %2BAEh ACDb ASbT AIoT"

SHAPES: tuple[Shape, ...] = tuple(
    Shape(kind, mark, re.compile(rf"{_START}{head}\Z"), re.compile(re.escape(mark) + tail))
    for kind, marks, head, tail in (
        ("telegram-bot-token", ":AA %3AAA", "[0-9]{8,10}", _url64(32)),
        ("discord-token", ".", "[MNO][A-Za-z0-9_-]{22,30}", r"[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,64}+"),
        ("terraform-token", ".atlasv1.", "[A-Za-z0-9]{14}", _url64(40)),
        ("mailchimp-key", "-us", "[0-9a-f]{32}", f"[0-9]{{1,2}}{_END}"),
        ("mailgun-key", "-", "[0-9a-f]{32}", "[0-9a-f]{8}-[0-9a-f]{8}(?![A-Za-z0-9-])"),
        ("newrelic-license", "NRAL", "[0-9a-fA-F]{32,40}", _END),
        ("azure-client-secret", "Q~", "[A-Za-z0-9_~.-]{3}[0-9]", "[A-Za-z0-9_~.-]{30,40}+"),
        ("azure-devops-token", "AZDO", "[A-Za-z0-9]{76}", f"[A-Za-z0-9]{{4}}{_END}"),
        ("azure-key", _AZURE_MARKS, "[A-Za-z0-9+/_%-]{30,110}", r"[A-Za-z0-9+/_=%-]{4,18}+"),
        ("firebase-key", ":APA91 %3AAPA91", "[A-Za-z0-9_-]{8,32}", _url64(60)),
        ("asana-token", "/", "[12]", "[0-9]{13,19}(?:/[0-9]{13,19})?:[0-9a-f]{32}"),
        ("asana-token", "%2F", "[12]", "[0-9]{13,19}(?:%2F[0-9]{13,19})?%3A[0-9a-f]{32}"),
    )
    for mark in marks.split(" ")
)
