"""Words of a prompt that the model has never seen, with known ones instead; and all that it does know, for browsing.

Knows the words of the world, not what a certain model made of them: the manifest's "nouns" lists what one learnt.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from playground.image import phrases
from playground.image.nouns import KINDS, read_nouns
from playground.image.reading import split_details

MOST = 3  # words that are offered for one
FAR = 5  # letters from which on a word may be two edits off instead of one, where it begins alike
LONGEST = 17  # letters; nothing longer resembles a known word
TITLES = {  # kinds of nouns → what people call them
    "animal": "animals",
    "character": "characters",
    "plant": "plants",
    "vehicle": "vehicles",
    "building": "buildings",
    "object": "objects",
    "toy": "toys",
    "symbol": "symbols",
}
SYNONYMS = {  # known words → words that people try instead; one that is known by now is not looked up
    "cat": "feline tomcat lynx leopard cheetah panther puma jaguar cougar",
    "dog": "canine poodle terrier bulldog labrador corgi doggy pup",
    "wolf": "coyote jackal husky",
    "horse": "mare foal donkey mule colt steed",
    "cow": "bull ox cattle buffalo bison yak",
    "pig": "boar swine hamster",
    "sheep": "goat ram ewe llama alpaca",
    "mouse": "rat hamster gerbil mole rodent",
    "bear": "beaver gorilla",
    "monkey": "ape gorilla orangutan chimpanzee baboon",
    "deer": "moose elk reindeer antelope gazelle",
    "elephant": "mammoth rhino rhinoceros",
    "raccoon": "badger skunk otter",
    "bird": "sparrow robin dove pigeon crow raven seagull gull finch",
    "eagle": "falcon vulture condor",
    "chicken": "poultry turkey",
    "flamingo": "stork crane heron",
    "duck": "goose geese duckling",
    "crocodile": "lizard gecko iguana chameleon",
    "snake": "viper cobra python worm",
    "dinosaur": "dino",
    "dragon": "wyvern monster",
    "fish": "salmon tuna goldfish trout",
    "octopus": "squid jellyfish",
    "crab": "lobster shrimp prawn",
    "seal": "walrus",
    "whale": "orca",
    "bee": "wasp hornet fly mosquito",
    "ladybug": "beetle bug insect",
    "spider": "tarantula scorpion ant",
    "robot": "cyborg man woman boy girl person people child king queen",
    "alien": "martian",
    "snowman": "man woman boy girl person people child king queen",
    "clown": "jester joker",
    "ghost": "spirit phantom",
    "rose": "petal",
    "flower": "daisy blossoming bouquet",
    "tulip": "daisy lily orchid",
    "tree": "bush shrub plant trunk",
    "fir": "spruce conifer",
    "apple": "fruit peach plum",
    "lemon": "lime citrus",
    "orange": "tangerine",
    "grapes": "berries blueberries wine",
    "carrot": "vegetable radish",
    "tomato": "pepper",
    "hamburger": "sandwich",
    "hot dog": "sausage",
    "cake": "pie tart dessert",
    "cookie": "cracker",
    "donut": "bagel pretzel",
    "ice cream": "gelato sorbet sundae",
    "lollipop": "candy sweets",
    "cup of coffee": "mug espresso drink",
    "teapot": "kettle pot",
    "car": "vehicle limousine van suv convertible auto jeep",
    "truck": "pickup van",
    "fire engine": "ambulance",
    "bus": "minibus tram trolley",
    "train": "tram railway subway",
    "motorcycle": "scooter moped",
    "airplane": "aircraft jumbo glider",
    "rocket": "shuttle missile",
    "sailboat": "yacht canoe raft kayak dinghy rowboat",
    "ship": "ferry cruiser steamer vessel",
    "balloon": "airship zeppelin",
    "house": "building hut cabin villa mansion",
    "castle": "fortress tower",
    "soccer ball": "volleyball baseball",
    "guitar": "violin banjo ukulele cello",
    "trumpet": "trombone tuba horn saxophone flute",
    "candle": "lamp torch",
    "clock": "watch timer",
    "computer": "monitor screen pc phone tablet",
    "sofa": "bench armchair",
    "chair": "stool seat throne",
    "gift": "box parcel package",
    "sneaker": "boot sandal",
    "shirt": "jacket sweater blouse coat",
    "dress": "skirt",
    "diamond": "ruby sapphire",
    "trophy": "medal",
    "sword": "knife blade saber",
    "crown": "tiara",
    "hat": "cap beret helmet bonnet",
    "glasses": "goggles sunglasses shades",
    "bow": "headband",
    "heart": "love",
    "moon": "lunar",
    "cloud": "cloudy fog mist",
    "fire": "bonfire blaze",
    "globe": "world",
    "red": "ruby maroon ruddy",
    "yellow": "gold blond",
    "green": "lime olive mint turquoise teal",
    "blue": "navy azure cyan turquoise teal indigo",
    "purple": "lilac lavender mauve magenta indigo",
    "pink": "magenta salmon rosy",
    "brown": "tan beige chestnut bronze",
    "black": "ebony",
    "white": "ivory silver",
    "gray": "silver",
    "big": "enormous gigantic massive tall colossal",
    "small": "mini miniature minuscule wee short",
    "two": "both double twin",
    "three": "several some many few four five six seven eight nine ten 4 5 6 7 8 9 10 dozen triple",
    "beach": "pier coast shore island dock harbour harbor coastline lagoon",
    "sea": "pier lake river pond waves dock harbour harbor bay",
    "meadow": "pasture prairie grassland lawns valley",
    "forest": "jungle rainforest wood",
    "mountains": "mountain alps cliff summit volcano",
    "desert": "sahara savanna",
    "city": "village skyline skyscraper",
    "street": "avenue lane alley bridge path",
    "sky": "heaven",
    "space": "galaxy cosmos orbit",
    "living room": "bedroom bathroom office library parlour",
    "kitchen": "restaurant cafe",
    "farm": "ranch stable",
    "underwater": "reef seabed diving aquarium",
    "sunset": "sunrise dawn twilight",
    "night": "midnight nighttime",
    "day": "noon morning afternoon midday",
    "winter": "blizzard frost icy snowstorm christmassy",
    "above": "atop upon",
    "below": "underside",
    "next to": "nearby adjacent",
}


def unknown_words(prompt: str) -> list[tuple[str, tuple[str, ...]]]:
    """The words that no caption of the world has, in their order, each once and in lower case.

    With each go the known words or phrases nearest to it, at most `MOST`, the best first: what means the same, else
    what is spelt alike, else none. An emoji counts as a word; so do the parts of a word with hyphens.
    """
    words = dict.fromkeys(word for word in _words(split_details(prompt)[0]) if word not in _seen())
    return [(word, _nearest(word)) for word in words]


def vocabulary() -> dict[str, list[str]]:
    """What can be asked for, by kind and as one would write it: nouns first, then what is said of them."""
    kinds: dict[str, list[str]] = {TITLES.get(kind, kind): [] for kind in KINDS}
    for noun in read_nouns().values():
        kinds[TITLES.get(noun.kind, noun.kind)].append(noun.forms[0][0].lstrip("~"))
    tables = {
        "colours": phrases.COLOURS,
        "sizes": phrases.SIZES,
        "numbers": phrases.NUMBERS | {1: ("one",)},
        "worn": phrases.WORN,
        "places": phrases.PLACES,
        "times": phrases.TIMES,
        "positions": phrases.POSITIONS,
        "relations": phrases.RELATIONS,
    }
    return kinds | {kind: [names[0] for names in table.values()] for kind, table in tables.items()}


def _words(prompt: str) -> list[str]:
    """Words as captions have them; of what they have not, the parts, and emoji."""
    spaced = "".join(f" {c} " if unicodedata.category(c) == "So" else c for c in prompt.lower())
    found: list[str] = []
    for word in spaced.split():
        if unicodedata.category(word[0]) == "So":
            found.append(word)
        for plain in phrases.split_words(word):
            if plain in _seen():
                found.append(plain)
            else:
                parts = plain.removesuffix("'s").split("-")
                found += [stripped for part in parts if (stripped := part.strip("'"))]
    return found


@cache
def _seen() -> frozenset[str]:
    whole = {word for phrase in phrases.meanings() for word in phrase}
    return frozenset(whole | {part for word in whole for part in word.split("-")})


def _nearest(word: str) -> tuple[str, ...]:
    if meant := _synonyms().get(word):
        return meant[:MOST]
    if len(word) < 3 or len(word) > LONGEST:
        return ()
    reach = 1 if len(word) < FAR else 2
    similar = {known for key in _shortened(word, reach) for known in _spellings().get(key, ())}
    apart = {known: distance(word, known) for known in similar}
    near = {known: edits for known, edits in apart.items() if edits <= (reach if known[0] == word[0] else 1)}

    def rank(known: str) -> tuple[object, ...]:
        return near[known], not known.startswith(word), word[0] != known[0], abs(len(word) - len(known)), known

    return tuple(sorted(near, key=rank)[:MOST])


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """Unknown word → known words or phrases; a plural in -s leads where its singular does."""
    known = phrases.meanings()
    found: dict[str, dict[str, None]] = {}
    for target, others in SYNONYMS.items():
        noun = known.get(phrases.split_words(target), ("",))[0] == "noun"
        for word in others.split():
            for form in (word, f"{word}s") if noun else (word,):
                found.setdefault(form, {})[target] = None
    for noun in read_nouns().values():
        for drawing in noun.drawings:
            found.setdefault(drawing, {})[noun.forms[0][0].lstrip("~")] = None
    return {word: tuple(targets) for word, targets in found.items()}


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Each known word by all that is left of it when up to two letters are left out.

    Two words at most two edits apart meet in one of these (W. Garbe's SymSpell), so that few have to be compared.
    """
    found: dict[str, list[str]] = {}
    for word in sorted(_seen()):
        for key in _shortened(word, 2):
            found.setdefault(key, []).append(word)
    return {key: tuple(words) for key, words in found.items()}


def _shortened(word: str, letters: int) -> set[str]:
    found = {word}
    for _ in range(letters):
        found |= {other[:at] + other[at + 1 :] for other in found for at in range(len(other))}
    return found


def distance(one: str, other: str) -> int:
    """How many letters must be put in, left out, replaced or swapped with their neighbour to make `other` of `one`.

    The Damerau–Levenshtein distance in which no part is edited twice (optimal string alignment).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
