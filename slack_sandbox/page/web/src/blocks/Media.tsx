/** Pictures, videos and files. Nothing is loaded from outside: what lies there is a link with its description. */
import { useState } from "react";
import type { Json } from "../types";
import { Link } from "./links";
import { TextObject, wordsOf } from "./Text";

const OWN_FILE = /\/files-(?:pri|tmb)\/[A-Z0-9]+-(F[A-Z0-9]+)\/([^/?#]+)/;

/** The address of a picture at the page's own server, null when it lies elsewhere. */
function ownAddress(image: Json): string | null {
  const file = image.slack_file as Json | undefined;
  if (file?.id) return `files/${encodeURIComponent(file.id)}/picture?show=1`;
  const found = OWN_FILE.exec(String(file?.url ?? image.image_url ?? ""));
  return found && `files/${found[1]}/${found[2]}?show=1`;
}

/** An image element or the picture of an image block. */
export function Picture({ image, small }: { image: Json; small?: boolean }) {
  const [broken, setBroken] = useState(false);
  const own = ownAddress(image);
  const words = String(image.alt_text || "Picture");
  if (own !== null && !broken) {
    return (
      <img
        className={small ? "bk-picture small" : "bk-picture"}
        src={own}
        alt={words}
        onError={() => setBroken(true)}
      />
    );
  }
  const address = image.image_url ?? image.slack_file?.url;
  return (
    <span className={small ? "bk-elsewhere small" : "bk-elsewhere"}>
      <span aria-hidden="true">🖼</span> {address ? <Link to={address}>{words}</Link> : words}
      {!small && address && <small>{String(address)}</small>}
    </span>
  );
}

/** An image block. */
export function ImageBlock({ block }: { block: Json }) {
  return (
    <figure className="bk-image">
      {block.title && (
        <figcaption>
          <TextObject text={block.title} />
        </figcaption>
      )}
      <Picture image={block} />
    </figure>
  );
}

/** A video block: its title, who made it, and where it is. */
export function VideoBlock({ block }: { block: Json }) {
  const by = [block.provider_name, block.author_name].filter(Boolean).join(" · ");
  return (
    <div className="bk-video">
      {by && <small>{by}</small>}
      <div>
        <span aria-hidden="true">▶</span>{" "}
        <Link to={block.title_url ?? block.video_url}>{wordsOf(block.title) || block.alt_text}</Link>
      </div>
      {block.description && <TextObject text={block.description} />}
      <small>{block.alt_text}</small>
    </div>
  );
}

/** A remote file. */
export function FileBlock({ block }: { block: Json }) {
  const file = (block.file ?? {}) as Json;
  const name = String(file.title || file.name || `Remote file ${block.external_id}`);
  return (
    <div className="bk-file">
      <span aria-hidden="true">📄</span> {file.external_url ? <Link to={file.external_url}>{name}</Link> : name}
    </div>
  );
}
