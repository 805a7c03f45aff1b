"""Places that grow: each function paints one on a canvas, in the light of its time, never twice the same.

The middle stays free for what stands there; furniture is at the sides and behind.
"""

from __future__ import annotations

from playground.image.scenery import BLOOMS, FIRS, GREENS, LEAVES, SIZE, Canvas, lit, mix


def meadow(c: Canvas) -> None:
    """Green hills with a tree or two and flowers."""
    horizon = c.dice.real(70, 84)
    c.sky(horizon + 6)
    c.ridge(horizon - 4, 5, c.ground(mix(c.dice.pick(GREENS), (90, 150, 150), 0.3)))
    green = c.dice.pick(GREENS)
    c.ridge(horizon + 6, 4, c.ground(green))
    if c.dice.chance(0.6):
        for x in c.dice.pick(((10,), (118,), (8, 119), (14, 26))):
            c.tree(x, horizon + c.dice.real(8, 16), c.dice.real(26, 40), c.dice.pick(LEAVES))
    c.ridge(horizon + 26, 3, c.ground(mix(green, (40, 120, 40), 0.22)))
    if c.time != "snow":
        for _ in range(c.dice.number(0, 26)):
            x, y = c.dice.real(0, SIZE), c.dice.real(horizon + 16, SIZE)
            c.oval(x, y, 1.3, 1.3, lit(c.dice.pick(BLOOMS), c.time))


def garden(c: Canvas) -> None:
    """A lawn behind a fence, painted white or of bare wood, with a bed of flowers."""
    top = c.dice.real(50, 60)
    c.sky(top + 26)
    green = c.dice.pick(GREENS)
    white = c.time != "snow" and c.dice.chance(0.5)
    wood = (246, 244, 236) if white else c.dice.pick(((190, 134, 84), (168, 110, 66), (196, 118, 84)))
    for x in range(c.dice.number(-10, 0), SIZE, 11):
        edge = [(x, top + 4), (x + 4, top), (x + 8, top + 4)]
        c.polygon([*edge, (x + 8, top + 32), (x, top + 32)], lit(wood, c.time))
        if c.time == "snow":
            c.polygon([*edge, (x + 4, top + 7)], (244, 248, 252))
    for y in (top + 9, top + 22):
        c.box(0, y, SIZE, y + 3.5, lit(mix(wood, (80, 60, 50), 0.16), c.time))
    c.box(0, top + 28, SIZE, SIZE, c.ground(green))
    for k in range(12):
        x, y = k * 11 + c.dice.real(-2, 4), top + 31 + c.dice.real(-3, 4)
        c.line([(x, y + 7), (x, y)], c.ground((60, 130, 60)), 1.2)
        bloom = lit(c.dice.pick(BLOOMS), "day" if c.time == "snow" else c.time)
        for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2)):
            c.oval(x + dx, y + dy, 1.9, 1.9, bloom)
        c.oval(x, y, 1.3, 1.3, lit((252, 214, 90), c.time))
    c.ridge(top + 50, 1.5, c.ground(mix(green, (60, 140, 60), 0.2)))


def farm(c: Canvas) -> None:
    """A barn, furrows and a fence."""
    horizon = c.dice.real(70, 80)
    c.sky(horizon + 4)
    c.ridge(horizon, 3, c.ground(c.dice.pick(GREENS)))
    x, red = c.dice.pick((16, 20, 106, 110)), c.dice.pick(((190, 64, 54), (170, 54, 50), (160, 90, 60)))
    wide, tall = c.dice.real(15, 19), c.dice.real(20, 26)
    foot = horizon + 10
    c.box(x - wide, foot - tall, x + wide, foot, lit(red, c.time))
    roof = (240, 244, 250) if c.time == "snow" else lit((104, 76, 76), c.time)
    c.polygon(
        [
            (x - wide - 3, foot - tall),
            (x - wide * 0.6, foot - tall - 11),
            (x, foot - tall - 16),
            (x + wide * 0.6, foot - tall - 11),
            (x + wide + 3, foot - tall),
        ],
        roof,
    )
    c.box(x - 5, foot - 14, x + 5, foot, lit((246, 240, 226), c.time))
    c.line([(x - 5, foot - 14), (x + 5, foot)], lit(red, c.time), 1.2)
    c.line([(x + 5, foot - 14), (x - 5, foot)], lit(red, c.time), 1.2)
    soil = c.dice.pick(((196, 164, 90), (220, 190, 100), (150, 190, 90)))
    c.ridge(horizon + 14, 2, c.ground(soil))
    for k in range(-6, 20):
        c.line(
            [(64 + (k - 7) * 6, horizon + 16), (64 + (k - 7) * 22, SIZE)], c.ground(mix(soil, (110, 80, 40), 0.3)), 1.1
        )
    if c.dice.chance(0.5):
        for post in range(2, SIZE, 18):
            c.box(post, horizon + 6, post + 2.5, horizon + 18, lit((226, 214, 196), c.time))
        c.box(0, horizon + 9, SIZE, horizon + 11, lit((226, 214, 196), c.time))


def forest(c: Canvas) -> None:
    """Rows of firs or round trees around a clearing."""
    ground = c.dice.real(84, 94)
    c.sky(ground, weather=c.dice.chance(0.5))
    c.box(0, ground - 16, SIZE, SIZE, c.ground((70, 100, 70)))
    firs = c.dice.chance(0.6)
    for row, (far, tall) in enumerate(((0.45, 44), (0.2, 54), (0.0, 62))):
        for x in range(-4, SIZE + 10, 13 + 3 * row):
            if row == 2 and 34 < x < 94:
                continue
            haze = {"day": (150, 196, 180), "snow": (196, 212, 226)}.get(c.time, (120, 110, 140))
            colour = mix(c.dice.pick(FIRS if firs else LEAVES), haze, far)
            draw = c.fir if firs else c.tree
            draw(x + c.dice.real(-4, 4), ground + 3 * row, tall * c.dice.real(0.8, 1.2), colour)
    earth = c.dice.pick(((92, 132, 66), (112, 128, 70), (104, 96, 62)))
    c.ridge(ground + 4, 2.5, c.ground(earth))
    c.ridge(ground + 24, 2.5, c.ground(mix(earth, (50, 70, 40), 0.3)))


def mountains(c: Canvas) -> None:
    """Snow-capped peaks behind grass."""
    ground = c.dice.real(78, 88)
    c.sky(ground)
    rock = c.dice.pick(((116, 128, 156), (132, 120, 140), (98, 124, 140)))
    for x, tall in c.dice.pick(
        (((14, 46), (112, 52), (66, 34)), ((30, 54), (98, 42)), ((20, 36), (64, 58), (110, 40)))
    ):
        x, tall = x + c.dice.real(-6, 6), tall * c.dice.real(0.85, 1.15)
        wide, top = tall * 0.95, ground - tall
        c.polygon([(x - wide, ground + 4), (x, top), (x + wide, ground + 4)], lit(rock, c.time))
        c.polygon(
            [(x, top), (x + wide, ground + 4), (x + wide * 0.2, ground + 4)], lit(mix(rock, (40, 46, 76), 0.3), c.time)
        )
        cap = 0.34 if c.time != "snow" else 0.7
        edge = [(x + wide * cap * k, top + tall * cap * (1 if k % 1 else 0.8)) for k in (1, 0.5, 0, -0.5, -1)]
        c.polygon([(x, top), *edge], lit((246, 249, 253), c.time))
    green = c.dice.pick(GREENS)
    c.ridge(ground, 2.5, c.ground(mix(green, (60, 110, 90), 0.4)))
    c.ridge(ground + 14, 3, c.ground(green))
    for _ in range(c.dice.number(0, 4)):
        c.fir(
            c.dice.pick((c.dice.real(2, 26), c.dice.real(102, 126))), ground + c.dice.real(4, 18), 16, c.dice.pick(FIRS)
        )


def desert(c: Canvas) -> None:
    """Dunes with a mesa or a pyramid far away."""
    horizon = c.dice.real(64, 78)
    c.sky(horizon + 8)
    sand = c.dice.pick(((226, 176, 104), (236, 192, 122), (214, 156, 92)))
    if c.dice.chance(0.5):
        x, rock = c.dice.pick((18, 108)), c.ground((186, 104, 70))
        c.polygon([(x - 20, horizon + 6), (x - 13, horizon - 16), (x + 12, horizon - 16), (x + 20, horizon + 6)], rock)
    elif c.dice.chance(0.5):
        x, stone = c.dice.pick((20, 106)), (214, 170, 104)
        c.polygon([(x - 22, horizon + 6), (x, horizon - 20), (x + 22, horizon + 6)], c.ground(stone))
        c.polygon(
            [(x, horizon - 20), (x + 22, horizon + 6), (x + 6, horizon + 6)], c.ground(mix(stone, (90, 50, 30), 0.3))
        )
    c.ridge(horizon, 5, c.ground(mix(sand, (255, 220, 170), 0.35)), waves=0.9)
    c.ridge(horizon + 14, 6, c.ground(sand), waves=0.8)
    c.ridge(horizon + 34, 5, c.ground(mix(sand, (170, 104, 56), 0.28)), waves=0.9)


def beach(c: Canvas) -> None:
    """Sand, a strip of sea, sometimes an island."""
    horizon = c.dice.real(52, 64)
    c.sky(horizon)
    water = c.dice.pick(((46, 142, 206), (58, 168, 206), (38, 120, 196)))
    shore = horizon + c.dice.real(18, 26)
    c.gradient((lit(water, c.time), lit(mix(water, (170, 232, 232), 0.5), c.time)), horizon, shore + 6)
    c.ridge(shore - 1.5, 2, lit((240, 250, 252), c.time))
    sand = c.dice.pick(((246, 220, 164), (250, 230, 182), (236, 206, 148)))
    c.ridge(shore + 1, 2, c.ground(sand))
    c.ridge(shore + 30, 3, c.ground(mix(sand, (206, 164, 104), 0.3)))
    if c.dice.chance(0.35):
        x, tip = c.dice.pick(((6, 20), (122, 108)))
        c.polygon([(x - 14, horizon), (x, horizon - 10), (x + 14, horizon)], c.ground((86, 140, 96)))
        c.oval(tip, shore + 24, 3, 1.6, lit((230, 130, 110), c.time))
    for _ in range(c.dice.number(0, 10)):
        c.oval(c.dice.real(0, SIZE), c.dice.real(shore + 8, SIZE), 1, 0.6, c.ground(mix(sand, (150, 110, 70), 0.5)))


def sea(c: Canvas) -> None:
    """Open water under a wide sky."""
    horizon = c.dice.real(56, 76)
    c.sky(horizon)
    water = c.dice.pick(((36, 112, 190), (28, 96, 176), (44, 138, 196)))
    c.gradient((lit(mix(water, (150, 210, 232), 0.35), c.time), lit(water, c.time)), horizon, SIZE)
    crest = lit(mix(water, (235, 248, 255), 0.55), c.time)
    for _ in range(c.dice.number(10, 20)):
        x, y = c.dice.real(0, SIZE), c.dice.real(horizon + 6, SIZE - 3)
        wide = 3 + (y - horizon) * 0.08
        c.line([(x - wide, y), (x - wide / 2, y - 1.2), (x, y), (x + wide / 2, y - 1.2), (x + wide, y)], crest, 0.9)
    if c.time == "snow":
        for _ in range(c.dice.number(3, 6)):
            x, y = c.dice.pick((c.dice.real(-4, 24), c.dice.real(104, 132))), c.dice.real(horizon + 4, SIZE)
            c.polygon([(x - 9, y), (x - 4, y - 5), (x + 5, y - 6), (x + 10, y)], (240, 246, 251))
