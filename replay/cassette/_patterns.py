"""What credentials look like: key formats as their issuers document them.

`KEYS` are formats that begin with a telling prefix at a word's start; `SHAPES` are found by a needle inside.
Written from the issuers' own documentation; lengths are lower bounds where an issuer does not promise one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.cassette._words import parts

# kind, prefix, rest
KEYS = (
    ("Anthropic key", r"sk-ant-", r"[\w-]{20,}"),
    ("OpenRouter key", r"sk-or-", r"[\w-]{20,}"),
    ("Langfuse key", r"[sp]k-lf-", r"[0-9a-f-]{32,36}"),
    ("OpenAI key", r"sk-(?:proj|svcacct|admin|None)-", r"[\w-]{20,}"),
    ("OpenAI key", r"sk-", r"(?=[\w-]*\d)[\w-]{16,}"),  # DeepSeek, Moonshot, LiteLLM and others use it too
    ("OpenAI session", r"sess-", r"[A-Za-z0-9]{30,}"),
    ("OpenAI ephemeral key", r"ek_", r"[0-9a-f]{32,}"),
    ("Google API key", r"AIza", r"[\w-]{35}"),
    ("Google OAuth token", r"ya29\.", r"[\w.-]{20,}"),
    ("Google OAuth secret", r"GOCSPX-", r"[\w-]{24,}"),
    ("AWS access key id", r"A(?:KIA|SIA|BIA|CCA)", r"[A-Z2-7]{16}(?!\w)"),
    ("AWS Bedrock key", r"bedrock-api-key-", r"[A-Za-z0-9+/]{40,}={0,2}"),
    ("Groq key", r"gsk_", r"[A-Za-z0-9]{40,}"),
    ("xAI key", r"xai-", r"[A-Za-z0-9]{60,}"),
    ("Perplexity key", r"pplx-", r"[A-Za-z0-9]{32,}"),
    ("Hugging Face token", r"hf_", r"[A-Za-z0-9]{30,}"),
    ("Hugging Face token", r"api_org_", r"[A-Za-z0-9]{30,}"),
    ("Replicate token", r"r8_", r"[A-Za-z0-9]{36,}"),
    ("Fireworks key", r"fw_", r"(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{20,}"),
    ("Together key", r"tgp_v1_", r"[\w-]{30,}"),
    ("NVIDIA key", r"nvapi-", r"[\w-]{40,}"),
    ("Cerebras key", r"csk-", r"[A-Za-z0-9]{32,}"),
    ("ElevenLabs key", r"sk_", r"[0-9a-f]{40,}"),
    ("Voyage key", r"pa-", r"(?=[\w-]*\d)[\w-]{40,}"),
    ("Jina key", r"jina_", r"[\w-]{40,}"),
    ("Tavily key", r"tvly-", r"(?=[\w-]*\d)[\w-]{20,}"),
    ("Pinecone key", r"pcsk_", r"\w{40,}"),
    ("LangSmith key", r"lsv2_(?:pt|sk)_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    ("Databricks token", r"dapi", r"[0-9a-f]{32}(?:-\d)?"),
    ("GitHub token", r"gh[pousr]_", r"[A-Za-z0-9]{36,}"),
    ("GitHub token", r"github_pat_", r"\w{50,}"),
    ("GitLab token", r"gl(?:pat|dt|ptt|rt|cbt|ft|soat|agent|imt)-", r"[\w.-]{20,}"),
    ("Bitbucket token", r"AT(?:BB|CTT3)", r"[\w=-]{24,}"),
    ("Atlassian token", r"ATATT3", r"[\w=-]{60,}"),
    ("Slack token", r"xox[abdeoprs](?:\.xox[bp])?-", r"[A-Za-z0-9-]{10,}"),
    ("Slack token", r"xapp-\d-", r"[A-Za-z0-9-]{20,}"),
    ("Discord token", r"[MNO][\w-]{23,27}\.", r"[\w-]{6}\.[\w-]{27,}"),
    ("Twilio key", r"SK", r"[0-9a-f]{32}(?!\w)"),
    ("SendGrid key", r"SG\.", r"[\w-]{16,32}\.[\w-]{32,64}"),
    ("Mailgun key", r"key-", r"[0-9a-f]{32}(?!\w)"),
    ("Mailchimp key", r"[0-9a-f]{32}-us\d", r"\d?(?!\w)"),
    ("Resend key", r"re_", r"(?=\w*\d)[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    ("Stripe key", r"[rsp]k_(?:live|test)_", r"[A-Za-z0-9]{16,}"),
    ("Square token", r"sq0[a-z]{3}-", r"[\w-]{22,}"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),
    ("npm token", r"npm_", r"[A-Za-z0-9]{36}"),
    ("PyPI token", r"pypi-AgE", r"[\w-]{50,}"),
    ("Docker token", r"dckr_(?:pat|oat)_", r"[\w-]{20,}"),
    ("DigitalOcean token", r"do[opr]_v1_", r"[0-9a-f]{64}"),
    ("Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[\w.]{40,}"),
    ("Vault token", r"hv[sbr]\.", r"[\w-]{24,}"),
    ("Heroku key", r"HRKU-", r"[\w-]{36,}"),
    ("Supabase token", r"sb[pt]_", r"[0-9a-f]{40}"),
    ("Supabase key", r"sb_secret_", r"[\w-]{20,}"),
    ("Vercel token", r"vc[kpiar]_", r"[A-Za-z0-9]{24,}"),
    ("Netlify token", r"nfp_", r"[A-Za-z0-9]{36,}"),
    ("New Relic key", r"NRAK-", r"[A-Z0-9]{27}"),
    ("Grafana token", r"gl(?:sa|c)_", r"[\w+/=]{32,}"),
    ("Sentry token", r"sntry[su]_", r"[\w+/=]{40,}"),
    ("Postman key", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    ("Linear key", r"lin_(?:api|oauth)_", r"[A-Za-z0-9]{32,}"),
    ("Notion token", r"ntn_", r"[A-Za-z0-9]{40,}"),
    ("Notion token", r"secret_", r"[A-Za-z0-9]{43}(?!\w)"),
    ("Figma token", r"figd_", r"[\w-]{38,}"),
    ("Airtable token", r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}"),
    ("Terraform token", r"[A-Za-z0-9]{14}\.atlasv1\.", r"[\w-]{60,}"),
    ("age secret key", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    ("JWT", r"eyJ[\w-]{8,}\.", r"eyJ[\w-]{8,}\.[\w-]*"),
)

# kind, needle that must be there, pattern; the group `secret`, or the whole match, is the credential
SHAPES = (
    (
        "private key",
        b"PRIVATE KEY",
        re.compile(
            rb"-----BEGIN [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\w+/=\s:,.-])*"
            rb"(?:-----END [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    (
        "password in a URL",
        b"@",
        re.compile(rb"://[^\s/:@\"'<>\x00-\x1f]*:(?P<secret>[^\s/@\"'<>\x00-\x1f]+)@"),
    ),
    ("authorization", b"earer", re.compile(rb"[Bb]earer\s+(?P<secret>(?=\S*\d)[\w.~+/-]{16,}=*)")),
    ("authorization", b"asic", re.compile(rb"[Bb]asic\s+(?P<secret>(?=\S*\d)[A-Za-z0-9+/]{12,}={0,2})")),
    (
        "Slack webhook",
        b"hooks.slack.com",
        re.compile(rb"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,})"),
    ),
    ("Discord webhook", b"/api/webhooks/", re.compile(rb"/api/webhooks/(?P<secret>\d{15,20}/[\w-]{40,})")),
    ("Google refresh token", b"1//0", re.compile(rb"(?<![\w/])1//0[\w-]{40,}")),
    ("Telegram token", b":AA", re.compile(rb"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])")),
    ("AWS Bedrock key", b"ABSK", re.compile(rb"(?<![\w+/])ABSK[A-Za-z0-9+/]{80,}={0,2}")),
    ("AWS session token", b"FwoGZXIvYXdz", re.compile(rb"(?<![\w+/])FwoGZXIvYXdz[A-Za-z0-9+/]{80,}={0,2}")),
    ("AWS session token", b"IQoJb3JpZ2lu", re.compile(rb"(?<![\w+/])IQoJb3JpZ2lu[A-Za-z0-9+/]{80,}={0,2}")),
    ("webhook secret", b"whsec_", re.compile(rb"(?<!\w)whsec_[A-Za-z0-9+/]{24,}={0,2}")),
    (
        "Sentry DSN",
        b"sentry",
        re.compile(rb"https?://(?P<secret>[0-9a-f]{32})(?::[0-9a-f]{32})?@[\w.-]*sentry"),
    ),
    ("Azure client secret", b"Q~", re.compile(rb"(?<![\w.~-])[\w.~-]{3}\dQ~[\w.~-]{31,34}")),
    ("Azure AI key", b"JQQJ", re.compile(rb"(?<!\w)[A-Za-z0-9]{52}JQQJ[A-Za-z0-9]{28}(?!\w)")),
)

_BETWEEN_WORDS = (
    b"PRIVATE KEY",
    b"@",
    b"earer",
    b"asic",
    b":AA",
)  # all other needles are parts of long words
_NEEDLES = tuple(needle for _, needle, _ in SHAPES if needle in _BETWEEN_WORDS)
_LONG_NEEDLES = tuple(needle for _, needle, _ in SHAPES if needle not in _BETWEEN_WORDS)
_MASKED = re.compile(
    rb"(?:(?i:bearer|basic|token)\s+)?(?:"
    rb"[*x.X\xe2\x80\xa2-]*|<[^<>]*>|\[[\w -]*\]|\$\{.*\}|\{\{.*\}\}|\$[A-Z_]+|%\(?\w+\)?s|(?i:your)[-_ ].*"
    rb"|.*(?:REDACTED|FILTERED|MASKED|DUMMY).*|[A-Za-z_-]+[-_]X{3,}|(?i:test|fake|mock|example)[-_][A-Za-z_-]*"
    rb"|AWS4-HMAC-SHA256 Credential=<.*)",
    re.DOTALL,
)
TOKEN = re.compile(rb"[\w.-]{16,}", re.ASCII)
KEY = re.compile(
    "|".join(f"(?P<k{row}>{prefix}{rest})" for row, (_, prefix, rest) in enumerate(KEYS)).encode(), re.ASCII
)
# A token of raw text that may be a key: an escape's letters or punctuation can stand before the prefix.
HINT = re.compile(
    rb"(?:[nrtbf]|u[0-9a-fA-F]{4}|[0-9A-Fa-f]{2})?[_.-]*(?:%s)"
    % "|".join(dict.fromkeys(prefix for _, prefix, _ in KEYS)).encode(),
    re.ASCII,
)


def hinted(raw: bytes, words: list[bytes]) -> bool:
    """Tell quickly whether raw text, whose long words are given, may hold a key, escaped or not."""
    long = b" ".join(words)
    return (
        any(map(raw.__contains__, _NEEDLES))
        or any(map(long.__contains__, _LONG_NEEDLES))
        or any(map(HINT.match, parts(words)))
    )


def keys(flat: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield `(start, end, kind)` of what has the form of a well-known credential, in the flat view."""
    for token in TOKEN.finditer(flat):
        found = KEY.match(flat, token.end() - len(token[0].lstrip(b"._-")))
        if found and found.lastgroup:
            yield *found.span(), KEYS[int(found.lastgroup[1:])][0]
    for kind, needle, pattern in SHAPES:
        for found in pattern.finditer(flat) if needle in flat else ():
            group = "secret" if pattern.groups else 0
            if not masked(found[group]):
                yield *found.span(group), kind


def masked(value: bytes) -> bool:
    """Tell whether a value is a blank, a variable or another tool's placeholder instead of a secret."""
    return _MASKED.fullmatch(value) is not None
