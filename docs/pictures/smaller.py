"""Makes a picture smaller: 256 colours, which nobody sees at text and plain faces, and which more than halve it."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.async_api import Page

# The browser reads the picture, since it is there anyway. The palette has the commonest colour of each small region of
# the colour space, so that an emoji keeps its own, then the commonest of the others; the rest become the nearest.
_INDEXED = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);

  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const common = [...counts].sort(([a, often], [b, seldom]) => seldom - often || a - b).map(([colour]) => colour);
  const regions = new Set();
  const [first, others] = [[], []];
  for (const colour of common) {
    const region = colour & 0xf0f0f0;
    (regions.has(region) ? others : first).push(colour);
    regions.add(region);
  }
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = [...first, ...others].slice(0, 256).map(parts);

  const indexes = new Map();
  for (const colour of common) {
    const [r, g, b] = parts(colour);
    const away = palette.map((each) => (each[0] - r) ** 2 + (each[1] - g) ** 2 + (each[2] - b) ** 2);
    indexes.set(colour, away.indexOf(Math.min(...away)));
  }
  const row = (y) => Array.from(pixels.subarray(y * width, (y + 1) * width), (pixel) => indexes.get(pixel));
  const rows = Array.from({ length: height }, (_, y) => String.fromCharCode(...row(y)));
  return [width, height, palette.flat(), rows];
}"""


async def smaller(tab: Page, png: bytes) -> bytes:
    """The picture, which is opaque, as a PNG with a palette; drawn on no page, `tab` is any empty one."""
    width, height, palette, rows = await tab.evaluate(_INDEXED, base64.b64encode(png).decode())
    lines = b"".join(b"\0" + row.encode("latin-1") for row in rows)
    # https://www.w3.org/TR/png-3/#11Chunks: 8 bits a pixel, each an index into the palette.
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", bytes(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
