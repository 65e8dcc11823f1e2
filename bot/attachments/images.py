"""Reads images with Pillow: each is saved again, small enough for every provider, and without metadata."""

from __future__ import annotations

import io

from bot.attachments.found import Found, Unreadable

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 60_000_000
SIDE = 2_000
"""Pixels of the longer side. Anthropic scales down to 1,568, and refuses more than 2,000 in requests with many images
(https://docs.claude.com/en/docs/build-with-claude/vision)."""
MAX_BYTES = 3_500_000
"""Anthropic's limit is 5 MB, in base64."""


def load() -> None:
    """Import everything that `read` needs."""
    from PIL import Image, ImageOps, ImageSequence  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]

    Image.init()


def read(content: bytes) -> Found:
    """Return an image as it is sent to the model. Raises Unreadable, and what Pillow raises for a damaged one."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - only the reading process needs it

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises at twice this
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise Unreadable("it has too many pixels") from error
    with opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise Unreadable("it has too many pixels")
        frames = int(getattr(opened, "n_frames", 1))
        if opened.format == "JPEG":
            opened.draft("RGB", (SIDE, SIDE))
        is_photo = opened.format == "JPEG"
        image = ImageOps.exif_transpose(opened)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.thumbnail((SIDE, SIDE))
    note = f"{width} × {height} pixels"
    if max(width, height) > SIDE:
        note += f", shown to you at {image.width} × {image.height}"
    if frames > 1:
        note += f", the first of {frames:,} frames"
    if not is_photo and len(png := _written(image, "PNG")) <= MAX_BYTES:
        return Found(note=note, kind="image", media="image/png", content=png)
    flat = image if image.mode == "RGB" else _on_white(image)
    for quality in (90, 75, 50):
        jpeg = _written(flat, "JPEG", quality=quality)
        if len(jpeg) <= MAX_BYTES:
            break
    return Found(note=note, kind="image", media="image/jpeg", content=jpeg)


def _on_white(image: object) -> object:
    from PIL import Image  # noqa: PLC0415

    assert isinstance(image, Image.Image)
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _written(image: object, kind: str, **options: int) -> bytes:
    from PIL import Image  # noqa: PLC0415

    assert isinstance(image, Image.Image)
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()
