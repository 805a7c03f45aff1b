"""The model card of a tales model; see `cards.py` for what all cards have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground import machine
from playground.cards import (
    duration,
    front_matter,
    quote,
    read_evaluation,
    read_manifest,
    table,
    training_section,
    write_card_text,
)
from playground.registry import Manifest
from playground.text.memorisation import LONG_RUN
from playground.text.model import CHAPTER, END, FIELDS, TALE

_MARK = "\ue000"  # where a prompt ends; no tale has this character
DATASET = "held-out public-domain tales"
PARTS = {
    "story": "stories held out of books that are otherwise trained on",
    "book": "whole books held out",
    "all": "both together",
}


def write_card(folder: Path) -> None:
    """Write `README.md` of a finished checkpoint folder from the records in it; what is not there yet is said so.

    Raises:
        PlaygroundError: the folder has no valid manifest.
    """
    manifest = read_manifest(folder)
    found = read_evaluation(folder, manifest)
    config = json.loads((folder / "config.json").read_text())
    plain = found["likelihood"]["plain"]["all"] if found else {}
    front = front_matter(
        manifest,
        {name: plain[name] for name in ("bits_per_byte", "accuracy") if name in plain},
        DATASET,
        pipeline_tag="text-generation",
        library_name="transformers",
        language="en",
        tags=["llama", "fairy-tales", "trained-from-scratch", "playground"],
    )
    sections = {
        "Use": _use(manifest),
        "Prompts": _prompts(manifest),
        "Data and licence": _data(manifest, found),
        "Architecture": _architecture(manifest, config),
        "Training": training_section(folder, "tokens"),
        "Evaluation": _evaluation(found)
        if found
        else f"`python -m playground evaluate {manifest.name}` fills this in.",
        "Examples": _examples(found) if found else "They come with the evaluation.",
        "Limits": _limits(manifest),
    }
    write_card_text(folder, front, manifest.name, {"What it is": manifest.summary, **sections})


def _use(manifest: Manifest) -> str:
    return f"""In the playground it is the model `{manifest.name}` of the text tab, or

```sh
python -m playground generate text --model {manifest.name} --prompt "Once upon a time" --seed 7
```

It opens with plain `transformers` as well. The weights are stored as float16, in shards below 10 MB; compute in
float32:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "checkpoints/{manifest.name}"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
prompt = "{FIELDS["style"]}Grimm{FIELDS["about"]}dragon, key{TALE}Once upon a time"
inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
told = model.generate(**inputs, max_new_tokens=60, do_sample=True, temperature=0.8, top_k=40, top_p=0.95)
print(tokenizer.decode(told[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))
```"""


def _prompts(manifest: Manifest) -> str:
    styles = ", ".join(manifest.details.get("styles", []))
    example = {"style": "Grimm", "about": "dragon, key", "title": "The Clever Fox"}
    header = "".join(f"{token}{example[name]}" for name, token in FIELDS.items())
    return f"""```
{header}{TALE}Once upon a time
```

Every header field may be left out; each was dropped at random in training. A text begins with `{TALE}` (a story of its
own) or `{CHAPTER}` (of a longer book) and ends with `{END}`.

- `{FIELDS["style"]}`: who tells it, by surname: {styles}; or the title of a book of the training data.
- `{FIELDS["about"]}`: one to four words, parted by commas, that the story is about.
- `{FIELDS["title"]}`: its title."""


def _data(manifest: Manifest, found: Mapping[str, Any] | None) -> str:
    rights = f"""The books are in the public domain in the USA: Project Gutenberg marks them so, and all were published
before 1931. Elsewhere some are still protected, because an author or translator died less than 70 years ago. Project
Gutenberg's name, header and licence are not part of the text. `python -m playground data {manifest.name}` fetches the
same books and cleans them by the same rules; stories with racial slurs or caricature, by a list of words, are dropped.
The weights and this card are under the licence {manifest.licence}."""
    if not found:
        return rights
    data = found["data"]
    stories, size = data["stories"], data["characters"]
    books = "; ".join(f"{title} ({number})" for number, title in data["held_out_books"].items())
    return f"""Fairy and folk tales in English: {stories["all"]:,} stories and chapters, {size["all"]:,} characters,
from {data["books"]} books. Trained on {stories["training"]:,} of them ({size["training"]:,} characters).
{stories["story"]} single stories are held out ({size["story"]:,} characters), and {len(data["held_out_books"])} whole
books ({stories["book"]} stories, {size["book"]:,} characters), by Project Gutenberg's number: {books}.

{rights}"""


def _architecture(manifest: Manifest, config: Mapping[str, Any]) -> str:
    size = sum(record.bytes for name, record in manifest.files.items() if name.endswith(".safetensors"))
    facts = [
        ("architecture", config["architectures"][0]),
        ("parameters", f"{manifest.parameters:,}"),
        ("layers × width", f"{config['num_hidden_layers']} × {config['hidden_size']}"),
        ("attention heads", f"{config['num_attention_heads']} of {config['head_dim']}"),
        ("key and value heads", config["num_key_value_heads"]),
        ("feed-forward width", config["intermediate_size"]),
        ("vocabulary", f"{config['vocab_size']:,}, byte-level BPE"),
        ("context", f"{config['max_position_embeddings']:,} tokens"),
        ("embeddings", "input and output shared" if config["tie_word_embeddings"] else "input and output apart"),
        ("weights", f"{config['dtype']}, {size / 1e6:.1f} MB"),
        ("fingerprint", f"`{manifest.fingerprint}`"),
    ]
    return table(("", ""), facts)


def _evaluation(found: Mapping[str, Any]) -> str:
    plain, headed = found["likelihood"]["plain"], found["likelihood"]["headed"]
    likelihood = table(
        ("held out", "stories", "bytes", "bits/byte", "95 % interval", "nats/token", "accuracy", "bits/byte, headed"),
        [
            (
                PARTS[part],
                f"{row['passages']:,}",
                f"{row['bytes']:,}",
                f"{row['bits_per_byte']:.3f}",
                f"{row['bits_per_byte_low']:.3f}–{row['bits_per_byte_high']:.3f}",
                f"{row['nats_per_token']:.3f}",
                f"{row['accuracy']:.1%}",
                f"{headed[part]['bits_per_byte']:.3f}",
            )
            for part, row in plain.items()
        ],
    )
    told, human = found["samples"], found["human"]
    runs, baseline = found["memorisation"]["samples"], found["memorisation"]["human"]
    variety = [(f"distinct-{n}", *(f"{side[f'distinct_{n}']:.3f}" for side in (told, human))) for n in (1, 2, 3)]
    variety.append(("repeated 4-grams", *(f"{side['repeated_4_grams']:.1%}" for side in (told, human))))
    names = {"median": "median", "p90": "90 %", "p99": "99 %", "max": "longest"}
    copied = [(f"longest copied run, {word}", runs[name], baseline[name]) for name, word in names.items()]
    copied.append((f"over {LONG_RUN} words", *(f"{side['share_over_25']:.1%}" for side in (runs, baseline))))
    settings = ", ".join(f"{name} {value:g}" for name, value in told["settings"].items())
    longest = "\n".join(
        f"- {run['length']} words, as in *{run['stands_in']}*:\n\n  {quote(run['words'])}"
        for run in found["memorisation"]["longest"]
    )
    partial = "**A quick look at a few stories and samples, no result.**\n\n" if found["quick"] else ""
    return f"""{partial}Every byte of every held-out story is scored, after nothing but its kind token, or after a
header of style and title ("headed"); float32, windows of the whole context that overlap by half, each token once. The
interval is a bootstrap over stories.

{likelihood}

What it tells: {told["texts"]} continuations ({told["words"]:,} words) at the playground's default settings
({settings}), one half of typical beginnings under various headers, one half of the first sentences of held-out stories.
Beside them stand passages of the same lengths by people, from held-out stories. Distinct-n is the share of n-grams of
words that differ among all; a repeated 4-gram stood earlier in the same text. A copied run is the longest run of words,
marks and capitals aside, that stands in the training text; words of the prompt do not count.

{table(("", "the model", "people"), [*variety, *copied])}

The longest copied runs:

{longest}

`{found["command"]}` measured this in {duration(found["seconds"])} on {machine.sentence(found["machine"])}.
All numbers and the histograms are in `evaluation.json`."""


def _examples(found: Mapping[str, Any]) -> str:
    parts = ["Six prompts at three temperatures, one seed, unedited. The prompt is in bold."]
    for shown in found["gallery"]:
        asked = shown["asked"]
        header = ", ".join(f"{name} “{asked[name]}”" for name in FIELDS if name in asked) or "no header"
        parts.append(f"### {asked['prompt']}\n\n{header[0].upper()}{header[1:]}.")
        for told in shown["told"]:
            quoted = quote(asked["prompt"] + _MARK + told["text"]).replace(_MARK, "</b>", 1)
            parts.append(f"Temperature {told['temperature']:g}:\n\n> <b>{quoted.removeprefix('> ')}")
    options = f"--seed {told['seed']} --max-new-tokens {told['max_new_tokens']}"
    parts.append(f"Each is `{options}`, the other knobs at their defaults.")
    return "\n\n".join(parts)


def _limits(manifest: Manifest) -> str:
    return f"""- It has {manifest.parameters / 1e6:.1f} million parameters: the voice of a tale and mostly its grammar;
  who did what, and why, slips from one paragraph to the next. It knows no facts and follows no instructions.
- At temperature 0 it falls into loops; a repetition penalty of 1.1 to 1.2 helps.
- A title or topic steers it now and then, not reliably. A style that it was not trained on does nothing of use.
- The books are of about 1820 to 1925. Their views of women, peoples, the poor and animals are of that time, and so are
  the model's: the word list drops the crudest stories, not the attitudes. Kings are men and stepmothers wicked.
- Violence and death occur, as they do in fairy tales. It was not made for children without company.
- The training text is ASCII. Other scripts pass through the tokenizer without loss, but it learnt nothing about them.
- It can copy a sentence of its books; how much it does is measured above."""
