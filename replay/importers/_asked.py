"""Who was really asked: the names that traces give to providers, as providers and settings of a target.

The names are those of OpenTelemetry's `gen_ai.provider.name` and `gen_ai.system`
(https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/), OpenInference's `llm.provider`,
LangSmith's `ls_provider` and the Vercel AI SDK's `ai.model.provider`.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from replay import providers
from replay.conversation import Object

_NAMES = {
    "openai": "openai|openai_chat|openai_completion|chatopenai",
    "openai_responses": "openai_responses|azure_responses|azure_openai_responses",
    "azure": "azure|azureopenai|az_ai_openai|azure_ai_openai|azure_openai|azure_chat|azure_openai_chat",
    "anthropic": "anthropic|anthropic_messages|chatanthropic",
    "gemini": (
        "gemini|google|google_genai|google_gla|gcp_gemini|gcp_gen_ai|google_ai|google_generative_ai|genai"
        "|gcp_vertex_ai|vertexai|vertex_ai|google_vertex|google_vertexai|google_vertex_chat"
    ),
    "bedrock": "bedrock|aws|amazon|aws_bedrock|amazon_bedrock|bedrock_converse",
    "cohere": "cohere|cohere_chat",
    "ollama": "ollama|ollama_chat",
}
_PROVIDERS = {name: provider for provider, names in _NAMES.items() for name in names.split("|")}
_NOBODY = {"other", "unknown", "none", "custom"}
_MODELS = {"claude": "anthropic", "gemini": "gemini"}  # where no log says who serves them
# Servers of Chat Completions, by the first word of their name, and their documented addresses.
_SERVERS = {
    "cerebras": "https://api.cerebras.ai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "mistralai": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "together": "https://api.together.xyz/v1",
    "togetherai": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
}
_REGION = re.compile(
    r"^([a-z0-9-]+)-aiplatform\.googleapis\.com|^bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com"
)
_AZURE = ".openai.azure.com"
_OWN = "api.openai.com"


def asked(name: str, address: str = "", model: str = "") -> tuple[str, Object]:
    """Return the provider and the settings of a target for a name, with the server's address if it is known.

    `address` is a URL or a host with its port. A name that is no provider's is a server of Chat Completions,
    at its usual address or at the one that an environment variable will say.
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    word = "" if word in _NOBODY else word
    provider = _PROVIDERS.get(word, word) or _MODELS.get(model.partition("-")[0].lower(), "")
    if provider in ("", "openai"):
        return _openai(address, model)
    if provider == "azure":
        return provider, _azure(address, model)
    if provider == "openai_responses":
        return provider, _responses(word, address)
    if provider == "gemini" and model.startswith("claude"):
        provider = "anthropic"  # of Vertex AI
    if provider in providers.registry.names() and provider != "openai_compatible":
        return provider, _cloud(word, address)
    return "openai_compatible", _server(word, address)


def _openai(address: str, model: str) -> tuple[str, Object]:
    """OpenAI's client speaks to many servers."""
    host = _host(address)
    if not host or host == _OWN:
        return "openai", {}
    if host.endswith(_AZURE):
        return "azure", _azure(address, model)
    return "openai_compatible", {"base_url": _base(address)}


def _azure(address: str, model: str) -> Object:
    host = _host(address)
    endpoint = {"endpoint": f"https://{host}"} if host else {"endpoint_env": "AZURE_OPENAI_ENDPOINT"}
    return endpoint | ({"deployment": model} if model else {})


def _cloud(word: str, address: str) -> Object:
    """Return the platform and the region of a call to a cloud, as far as they are said."""
    region = _REGION.search(_host(address))
    platform = {"platform": "vertex"} if "vertex" in word else {}
    return platform | ({"region": region[1] or region[2]} if region else {})


def _responses(word: str, address: str) -> Object:
    host = _host(address)
    if host and host != _OWN:
        return {"endpoint": f"https://{host}"} if host.endswith(_AZURE) else {"base_url": _base(address)}
    return {"endpoint_env": "AZURE_OPENAI_ENDPOINT"} if word.startswith("azure") else {}


def _server(word: str, address: str) -> Object:
    if address and "://" in address:
        return {"base_url": _base(address)}
    known = _SERVERS.get(word.partition("_")[0])
    if known and (not address or _host(address) == _host(known)):
        return {"base_url": known}
    return {"base_url": _base(address)} if address else {"base_url_env": f"{word.upper()}_BASE_URL"}


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _base(address: str) -> str:
    """Return the URL of a server; where only its host is known, with the usual path."""
    if "://" in address:
        return address.rstrip("/")
    known = next((url for url in _SERVERS.values() if _host(url) == _host(address)), None)
    secure = not re.search(r":(?!443$)\d+$", address)
    return known or f"{'https' if secure else 'http'}://{address.removesuffix(':443')}/v1"
