"""The forward pass for decoding: what transformers computes, and the same bits whoever else is decoded beside."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from playground.registry import CHECKPOINTS
from playground.text.decoder import PIECE, HalfDecoder, PlainDecoder, decoders

CONTEXT = 256


def llama(**changes) -> LlamaForCausalLM:
    size = {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "head_dim": 16,
    }
    config = LlamaConfig(
        **{**size, "vocab_size": 300, "num_key_value_heads": 2, "max_position_embeddings": CONTEXT, **changes}
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).eval()
    for weight in model.parameters():
        weight.data = (weight + 0.05 * torch.randn_like(weight)).half().float()
    return model


def tokens(count: int, size: int = 300, seed: int = 1) -> list[int]:
    return torch.randint(size, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def read(made, ids: list[int]) -> torch.Tensor:
    """Logits after every token of a prompt."""
    return torch.cat([made.read(ids[at : at + PIECE], at, every=True) for at in range(0, len(ids), PIECE)])


CONFIGS = [
    {},
    {"num_key_value_heads": 4},
    {"num_key_value_heads": 1, "tie_word_embeddings": True},
    {"head_dim": 32, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
]


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", [HalfDecoder, PlainDecoder])
def test_logits_are_those_of_transformers(kind, changes):
    model = llama(**changes)
    made, ids = kind(model, CONTEXT), tokens(CONTEXT)
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0]
    split = PIECE + 17
    found = [read(made, ids[:split])]
    made.place(0, split)
    found += [made.step([ids[at]], [at]) for at in range(split, CONTEXT)]
    assert (torch.cat(found) - expected).abs().max() < 1e-4


def test_the_shipped_model_is_decoded_as_transformers_has_it():
    model = LlamaForCausalLM.from_pretrained(CHECKPOINTS / "tales", dtype=torch.float32).eval()
    (made, *_), ids = decoders(model, 1024), tokens(200, 4096)
    assert isinstance(made, HalfDecoder)
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0]
    found = [read(made, ids[:150])]
    made.place(0, 150)
    found += [made.step([ids[at]], [at]) for at in range(150, 200)]
    assert (torch.cat(found) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("fixed", [False, True])
def test_a_row_computes_the_same_bits_beside_any_others_and_in_any_row(fixed):
    model = llama()
    if not fixed and HalfDecoder(model, CONTEXT)._fixed:
        pytest.skip("this machine's products depend on how many rows there are, so every step has one shape here")
    texts = [tokens(5 + 23 * n, seed=n) for n in range(8)]

    def logits_of(order: list[int]) -> dict[int, torch.Tensor]:
        made = HalfDecoder(model, CONTEXT)
        made._fixed = fixed
        for row, n in enumerate(order):
            read(made, texts[n])
            made.place(row, len(texts[n]))
        steps = [
            made.step([t + 1 for t in range(len(order))] and [n + 1 for n in order], [len(texts[n]) + k for n in order])
            for k in range(3)
        ]
        return {n: torch.stack([step[row] for step in steps]) for row, n in enumerate(order)}

    together = logits_of(list(range(8)))
    for order in ([3], [7, 0], [5, 2, 6], [6, 1, 0, 4, 3], [7, 6, 5, 4, 3, 2, 1, 0]):
        for n, logits in logits_of(order).items():
            assert torch.equal(logits, together[n])


@pytest.mark.parametrize("kind", [HalfDecoder, PlainDecoder])
def test_a_row_that_moves_goes_on_as_before(kind):
    model = llama()
    ids = tokens(40)

    def told(moves: bool) -> torch.Tensor:
        made = kind(model, CONTEXT)
        read(made, ids)
        for row in range(3):
            made.place(row, len(ids))
        if moves:
            made.step([9, 9, 9], [40] * 3)
            made.move(2, 0, 41)
            return made.step([5], [41])
        made.step([9], [40])
        return made.step([5], [41])

    assert torch.equal(told(True), told(False))


def test_a_twin_shares_the_weights_and_nothing_else():
    made = HalfDecoder(llama(), CONTEXT, 2)
    twin, ids = made.twin(), tokens(20)
    for one, text in ((made, ids), (twin, ids[::-1])):
        read(one, text)
        one.place(0, 20)
    alone = HalfDecoder(llama(), CONTEXT, 2)
    read(alone, ids)
    alone.place(0, 20)
    assert torch.equal(made.step([3], [20]), alone.step([3], [20]))


def test_this_machine_needs_no_fixed_shape_or_gets_one():
    made = HalfDecoder(llama(), CONTEXT)
    assert made._fixed != made._steady() or made._fixed  # a fixed shape is steady by itself


def test_weights_that_half_precision_does_not_hold_are_left_to_transformers():
    model = llama()
    assert isinstance(decoders(model, CONTEXT)[0], HalfDecoder)
    model.model.norm.weight.data += 1e-6
    assert [type(made) for made in decoders(model, CONTEXT)] == [PlainDecoder]


def test_large_caches_get_fewer_rows():
    model = llama(max_position_embeddings=10**6)
    assert PlainDecoder(model, 10**6).slots == 1
    assert PlainDecoder(model, CONTEXT).slots == 8
