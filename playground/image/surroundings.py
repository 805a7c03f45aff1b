"""Places that are built, and those without ground: each function paints one on a canvas.

The middle stays free for what stands there; furniture is at the sides and behind.
"""

from __future__ import annotations

from playground.image.scenery import BLOOMS, GREENS, LEAVES, SIZE, Canvas, lit, mix


def city(c: Canvas) -> None:
    """Two rows of houses, their windows lit in the dark, and a pavement."""
    street = c.dice.real(92, 100)
    c.sky(street)
    walls = ((120, 134, 164), (150, 132, 140), (104, 120, 148), (170, 150, 134), (138, 150, 158))
    for row, far in ((0, 0.45), (1, 0.0)):
        x = c.dice.real(-10, 0)
        while x < SIZE:
            wide, tall = c.dice.real(14, 24), c.dice.real(34, 74) * (1 if row == 0 or not 30 < x < 88 else 0.6)
            wall = lit(mix(c.dice.pick(walls), (190, 205, 225), far), c.time)
            c.box(x, street - tall, x + wide - 1, street, wall)
            if row:
                self_lit = c.time in ("night", "sunset")
                for wx in range(round(x) + 3, round(x + wide) - 4, 5):
                    for wy in range(round(street - tall) + 4, round(street) - 5, 7):
                        glow = self_lit and c.dice.chance(0.65)
                        c.box(wx, wy, wx + 2.2, wy + 3.4, (255, 220, 120) if glow else mix(wall, (40, 60, 100), 0.35))
                if c.time == "snow":
                    c.box(x, street - tall - 2, x + wide - 1, street - tall + 1, (244, 248, 252))
            x += wide
    c.box(0, street, SIZE, SIZE, c.ground((150, 152, 160)))
    c.box(0, street, SIZE, street + 3, c.ground((186, 188, 194)))
    for x in range(c.dice.number(0, 20), SIZE, 24):
        c.line([(x, street + 3), (x - 8 + (x - 64) * 0.3, SIZE)], c.ground((128, 130, 140)), 0.8)


def road(c: Canvas) -> None:
    """A road with a dashed line between green hills."""
    horizon = c.dice.real(62, 76)
    c.sky(horizon + 4)
    green = c.dice.pick(GREENS)
    c.ridge(horizon, 4, c.ground(green))
    for x in c.dice.pick(((), (12,), (116,), (10, 112), (20, 34, 120))):
        c.tree(x, horizon + 16, c.dice.real(22, 34), c.dice.pick(LEAVES))
    top = c.dice.pick((88, 92, 96))
    asphalt = mix((86, 88, 98), (226, 232, 240), 0.45) if c.time == "snow" else lit((92, 94, 104), c.time)
    c.box(0, top, SIZE, SIZE - 4, asphalt)
    for y in (top, SIZE - 6):
        c.box(0, y, SIZE, y + 2, lit((226, 226, 220), c.time))
    for x in range(c.dice.number(-14, 6), SIZE, 26):
        c.box(x, (top + SIZE - 4) / 2, x + 14, (top + SIZE - 4) / 2 + 3, lit((250, 220, 96), c.time))
    c.box(0, SIZE - 4, SIZE, SIZE, c.ground(green))


def sky(c: Canvas) -> None:
    """Nothing but air and clouds."""
    c.sky(SIZE, weather=True)
    colours = {"day": (255, 255, 255), "sunset": (255, 196, 160), "night": (66, 70, 118), "snow": (244, 247, 251)}
    for _ in range(c.dice.number(3, 6)):
        x = c.dice.pick((c.dice.real(0, 40), c.dice.real(88, SIZE), c.dice.real(0, SIZE)))
        c.cloud(x, c.dice.real(60, 124), c.dice.real(12, 26), colours[c.time])


def space(c: Canvas) -> None:
    """Stars, nebulae and a planet."""
    deep = c.dice.pick((((10, 6, 28), (26, 12, 52)), ((4, 8, 24), (12, 26, 56)), ((16, 6, 30), (48, 16, 62))))
    c.gradient((*deep, deep[0]))
    for _ in range(c.dice.number(0, 3)):
        x, y, radius = c.dice.real(0, SIZE), c.dice.real(0, SIZE), c.dice.real(14, 26)
        glow = c.dice.pick(((70, 30, 110), (30, 50, 120), (110, 30, 80)))
        for k in range(5):
            c.oval(x, y, radius * (1 - k / 6), radius * (0.7 - k / 9), mix(deep[1], glow, 0.14 + 0.12 * k))
    for _ in range(c.dice.number(24, 50)):
        size = c.dice.pick((0.6, 0.7, 0.9, 1.3))
        c.oval(
            c.dice.real(0, SIZE),
            c.dice.real(0, SIZE),
            size,
            size,
            c.dice.pick(((255, 255, 255), (255, 240, 200), (200, 220, 255))),
        )
    if c.dice.chance(0.55):
        x, y, radius = c.dice.pick((12, 22, 106, 118)), c.dice.pick((14, 24, 106)), c.dice.real(7, 13)
        world = c.dice.pick(((226, 150, 96), (130, 170, 226), (206, 120, 150), (150, 200, 160)))
        c.oval(x, y, radius, radius, world)
        c.oval(x - radius * 0.3, y - radius * 0.3, radius * 0.5, radius * 0.5, mix(world, (255, 255, 255), 0.25))
    if c.dice.chance(0.3):
        c.oval(64, 190, 110, 80, c.dice.pick(((120, 124, 140), (190, 96, 70), (56, 120, 200))))


def underwater(c: Canvas) -> None:
    """Blue depths with rays of light, weed and bubbles."""
    blue = c.dice.pick(
        (((92, 206, 226), (20, 92, 160)), ((70, 176, 220), (14, 66, 138)), ((110, 216, 206), (18, 108, 140)))
    )
    c.gradient(blue)
    for _ in range(c.dice.number(1, 4)):
        x, wide = c.dice.real(0, SIZE), c.dice.real(5, 12)
        for y in range(0, 84, 4):
            back = c.image.getpixel((2, y * 2))
            c.polygon(
                [
                    (x - y * 0.3, y),
                    (x - y * 0.3 + wide + y * 0.1, y),
                    (x - y * 0.3 + wide + y * 0.1 - 1.2, y + 4),
                    (x - y * 0.3 - 1.2, y + 4),
                ],
                mix(back, (220, 250, 250), 0.16 * (1 - y / 84)),
            )
    sand = c.dice.pick(((214, 196, 146), (196, 184, 150)))
    c.ridge(c.dice.real(106, 114), 3, mix(sand, blue[1], 0.25))
    for _ in range(c.dice.number(2, 6)):
        x, tall = c.dice.pick((c.dice.real(2, 26), c.dice.real(102, 126))), c.dice.real(18, 46)
        weed = c.dice.pick(((36, 140, 90), (70, 160, 80), (190, 90, 120)))
        c.line([(x + 3 * ((k % 2) - 0.5), 122 - tall * k / 6) for k in range(7)], weed, 2.6)
    for _ in range(c.dice.number(3, 14)):
        x, y, radius = c.dice.real(0, SIZE), c.dice.real(4, 96), c.dice.real(1, 3)
        c.oval(x, y, radius, radius, mix(c.image.getpixel((2, round(y) * 2)), (235, 252, 255), 0.55))


def room(c: Canvas) -> None:
    """A papered wall with a window and a picture, floorboards and a rug."""
    wall = lit(
        c.dice.pick(((246, 226, 196), (196, 222, 226), (236, 206, 206), (210, 224, 190), (224, 212, 238))), "day"
    )
    dim = 0.62 if c.time == "night" else 1.0
    shade = {"night": (60, 62, 100), "sunset": (240, 160, 110), "snow": (206, 220, 240)}.get(c.time, wall)
    wall = mix(wall, shade, {"night": 0.45, "sunset": 0.25, "snow": 0.4}.get(c.time, 0))
    floor = c.dice.real(88, 98)
    window = Canvas(c.time, c.dice)
    window.sky(90)
    window.ridge(86, 5, window.ground((112, 178, 92)))
    window.snowfall()
    c.box(0, 0, SIZE, SIZE, wall)
    if c.dice.chance(0.5):
        for x in range(c.dice.number(2, 8), SIZE, 12):
            c.box(x, 0, x + 4, floor, mix(wall, (255, 255, 255), 0.18 * dim))
    left, wide = c.dice.pick(((8, 44), (78, 44), (72, 50), (42, 44)))
    c.box(left - 3, 9, left + wide + 3, 57, mix((250, 250, 248), shade, 0.2))
    c.image.paste(window.image.crop((0, 40, 256, 232)).resize((wide * 2, 84)), (left * 2, 24))
    c.box(left + wide / 2 - 1, 12, left + wide / 2 + 1, 54, mix((250, 250, 248), shade, 0.2))
    c.box(left, 32, left + wide, 34, mix((250, 250, 248), shade, 0.2))
    if c.time == "snow":
        for x in range(left, left + wide + 1, 6):
            c.oval(x, 53, 5, c.dice.real(2, 4.5), (248, 251, 255))
    if c.dice.chance(0.6):
        x = left - 34 if left > 60 else left + wide + 14
        c.box(x, 18, x + 20, 44, mix((150, 104, 66), shade, 0.25), 1)
        c.box(x + 2.5, 20.5, x + 17.5, 41.5, mix(c.dice.pick(BLOOMS), shade, 0.3))
    wood = mix(
        c.dice.pick(((190, 138, 90), (164, 112, 74), (212, 168, 118))),
        shade,
        {"night": 0.5, "sunset": 0.2}.get(c.time, 0),
    )
    c.box(0, floor, SIZE, SIZE, wood)
    c.box(0, floor - 3, SIZE, floor, mix((250, 248, 242), shade, 0.3))
    for y in range(round(floor) + 9, SIZE, 10):
        c.box(0, y, SIZE, y + 0.8, mix(wood, (60, 34, 20), 0.22))
    if c.dice.chance(0.7):
        c.oval(
            64,
            117,
            c.dice.real(42, 58),
            9,
            mix(c.dice.pick(((206, 92, 96), (92, 130, 190), (110, 160, 120))), shade, 0.3),
        )


def table(c: Canvas) -> None:
    """A wooden table before a wall, at times with a cloth."""
    wall = c.dice.pick(((246, 230, 204), (206, 224, 224), (238, 212, 206), (226, 220, 240), (220, 228, 200)))
    c.gradient((mix(wall, (255, 255, 255), 0.3), wall))
    if c.dice.chance(0.5):
        for x in range(0, SIZE, 16):
            for y in range((x // 16 % 2) * 8, 80, 16):
                c.oval(x + 8, y, 1.6, 1.6, mix(wall, (170, 140, 130), 0.25))
    elif c.dice.chance(0.5):
        for y in range(8, 84, 14):
            c.box(0, y, SIZE, y + 1, mix(wall, (255, 255, 255), 0.6))
            for x in range(y % 28 // 2, SIZE, 14):
                c.box(x, y, x + 1, y + 14, mix(wall, (255, 255, 255), 0.6))
    wood = c.dice.pick(((176, 120, 72), (150, 98, 60), (204, 156, 104)))
    top = c.dice.real(86, 94)
    c.box(0, top, SIZE, SIZE, wood)
    c.box(0, top, SIZE, top + 2.5, mix(wood, (255, 236, 200), 0.4))
    for _ in range(7):
        x, y = c.dice.real(-10, 110), c.dice.real(top + 6, SIZE)
        c.box(x, y, x + c.dice.real(12, 44), y + 0.8, mix(wood, (80, 46, 20), 0.3))
    if c.dice.chance(0.4):
        cloth = c.dice.pick(((214, 84, 84), (96, 140, 204), (250, 246, 236), (120, 170, 130)))
        c.polygon([(14, SIZE), (24, top + 8), (104, top + 8), (114, SIZE)], cloth)
