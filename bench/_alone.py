"""What a crowd was shown, compared to the bit with the same recipes run alone by an engine of this process."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

from bench._visitor import Answer
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Picture
from playground.history import History
from playground.likeness import digest
from playground.links import from_record
from playground.recipes import Recipe

REPORT = 100  # recipes between two reports
Made = str  # a text with its tokens, or the sha256 of pixels


class Alone:
    """Runs recipes one at a time, each once, and knows by what it made whose result another one is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: dict[Recipe, Made] = {}

    def recipe(self, kind: str, values: Mapping[str, Any]) -> Recipe:
        """What a page makes of these knobs; which weights made it is no part of what was asked."""
        return self._engine.recipe(kind, {k: v for k, v in values.items() if k != "fingerprint"})

    def made(self, recipe: Recipe) -> Made:
        """What the recipe makes."""
        if recipe not in self._made:
            done = list(self._engine.generate(recipe))[-1]
            assert isinstance(done, Done)
            self._made[recipe] = _made(done)
            if len(self._made) % REPORT == 0:
                print(f"bench app: {len(self._made)} recipes run alone …", file=sys.stderr, flush=True)
        return self._made[recipe]

    def judge(self, answers: Iterable[Answer]) -> None:
        """Turn the outcome of what was shown whole, or stopped, into "wrong" or "mixed up" where it is that."""
        whole = [answer for answer in answers if answer.outcome in ("done", "cancelled")]
        for answer in whole:
            self.made(self.recipe(answer.kind, answer.values))
        for answer in whole:
            verdict = self._verdict(answer)
            if verdict:
                answer.outcome = verdict

    def _verdict(self, answer: Answer) -> Any:
        asked = self.recipe(answer.kind, answer.values)
        if answer.outcome == "cancelled":
            return "" if _is_beginning(answer.shown, self.made(asked)) else "wrong"
        try:
            record, made = SHOWN[answer.kind](answer.shown)
            got = self.recipe(answer.kind, from_record(record).values)
        except (PlaygroundError, LookupError, TypeError, ValueError, OSError) as error:
            answer.sentence = f"What was shown is no result: {type(error).__name__}: {error}"
            return "wrong"
        return self._compare(asked, got, made)

    def _compare(self, asked: Recipe, got: Recipe, made: Made) -> str:
        if got != asked:
            return "mixed up"
        if made == self.made(asked):
            return ""
        return "mixed up" if made in self._made.values() else "wrong"

    def judge_history(self, history: History, answers: Iterable[Answer]) -> dict[str, int]:
        """Compare what each browser's history holds with what the browser was shown.

        Returns:
            "kept" entries; "missing" results that were shown whole; "foreign" entries of what this browser never asked
            for, or that hold something else.
        """
        shown: dict[str, Counter[Recipe]] = {}
        asked: dict[str, set[Recipe]] = {}
        for answer in answers:
            if answer.kind not in Recipe.kinds:
                continue
            recipe = self.recipe(answer.kind, answer.values)
            asked.setdefault(answer.owner, set()).add(recipe)
            shown.setdefault(answer.owner, Counter())[recipe] += answer.outcome == "done"
        found = Counter({"kept": 0, "missing": 0, "foreign": 0})
        for owner, wanted in shown.items():
            held: Counter[Recipe] = Counter()
            for document in _documents(history, owner):
                found["kept"] += 1
                recipe = self.recipe(document["recipe"]["kind"], from_record(document["recipe"]).values)
                held[recipe] += 1
                if document["result"]["ended"] != "stopped":
                    own = recipe in asked[owner] and _in_document(document) == self.made(recipe)
                    found["foreign"] += not own
            found["missing"] += (wanted - held).total()
        return dict(found)


def _documents(history: History, owner: str) -> Iterable[dict[str, Any]]:
    offset = 0
    while page := history.search(owner, offset=offset, limit=100).entries:
        for entry in page:
            yield history.get(owner, entry.id).document
        offset += len(page)


def _made(done: Done) -> Made:
    (result,) = done.results
    if hasattr(result, "tokens"):
        return _told(result.text, [token.id for token in result.tokens])
    return digest(*(result.frames if hasattr(result, "frames") else (result.picture,)))


def _told(text: str, ids: list[int]) -> Made:
    return json.dumps([ids, text])


def _in_document(document: Mapping[str, Any]) -> Made:
    result = document["result"]
    return (
        result["sha256"] if "sha256" in result else _told(result["text"], [token["id"] for token in result["tokens"]])
    )


def _text(shown: Mapping[str, Any]) -> tuple[Any, Made]:
    document = json.loads(_chunks(shown)[-1]["results"][0]["document"])
    return document["recipe"], _in_document(document)


def _image(shown: Mapping[str, Any]) -> tuple[Any, Made]:
    return shown["recipe"], digest(_picture(shown["results"][0]["picture"]))


def _latent(shown: Mapping[str, Any]) -> tuple[Any, Made]:
    frames = {index: _picture(url) for chunk in _chunks(shown) for _, index, url, *_ in chunk}
    return shown["results"][0]["recipe"], digest(*(frames[index] for index in range(len(frames))))


SHOWN = {"text": _text, "image": _image, "latent": _latent}  # a whole run on its stage → recipe, and what was made


def _chunks(shown: Mapping[str, Any]) -> list[Any]:
    if shown["state"] != "done":
        raise ValueError(f"its state is {shown['state']}")
    return [json.loads(chunk) for _, chunk in sorted(shown["chunks"].items(), key=lambda item: int(item[0]))]


def _picture(url: str) -> Picture:
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    return Picture(*image.size, image.tobytes())


def _is_beginning(shown: Any, whole: Made) -> bool:
    """Whether a stopped text is how the whole one begins. What shows no text passes: it is no result."""
    chunks = shown.get("chunks") if isinstance(shown, dict) else None
    last = json.loads(chunks[max(chunks, key=int)]) if chunks else None
    if not isinstance(last, dict) or not last["results"]:
        return True
    ids = [token["id"] for token in json.loads(last["results"][0]["document"])["result"]["tokens"]]
    return ids == json.loads(whole)[0][: len(ids)]
