"""The most that a simulated embedding server can do, from how it is built."""

from __future__ import annotations

from pulse_cli.simulators.profiles import Backend, Slots, TeiModel


def ceiling(model: TeiModel, tokens: float) -> float | None:
    """Chunks per second of `tokens` tokens each, every request and batch full.

    None where it has no limit. Where texts are padded to the longest of their batch, texts of
    unequal length stay below this.
    """
    service = model.service
    if isinstance(service, Slots):
        return _of_slots(service, model.max_client_batch_size)
    return _of_backend(service, model, tokens)


def _of_slots(service: Slots, batch: int) -> float | None:
    seconds = service.request_s + service.input_s * batch
    return service.slots * batch / seconds if seconds else None


def _of_backend(service: Backend, model: TeiModel, tokens: float) -> float | None:
    if not tokens:
        return None
    texts = max(1.0, model.max_batch_tokens / tokens)
    if model.max_batch_requests is not None:
        texts = min(texts, model.max_batch_requests)
    device = texts / (service.batch_s + texts * tokens * service.token_s)
    words = service.tokenize_s + tokens * service.tokenize_token_s
    return min(device, service.workers / words) if words else device
