/** The older kind of additions to a message. */
import type { Json } from "../types";
import { Blocks, type Target } from "./Blocks";
import { slackDate } from "./dates";
import { Link } from "./links";
import { Picture } from "./Media";
import { Mrkdwn, Plain } from "./Text";

const COLOURS: Record<string, string> = { good: "var(--ok)", warning: "var(--warn)", danger: "var(--danger)" };

function colourOf(given: unknown): string | undefined {
  const colour = String(given ?? "");
  if (Object.hasOwn(COLOURS, colour)) return COLOURS[colour];
  return /^#?[0-9a-f]{3,8}$/i.test(colour) ? `#${colour.replace("#", "")}` : undefined;
}

/** The secondary attachments of a message, each with its coloured edge. */
export function Attachments({ attachments, target }: { attachments: Json[]; target: Target }) {
  return (
    <div className="bk-attachments">
      {attachments.map((each, index) => (
        <Attachment key={each.id ?? index} attachment={each} target={target} />
      ))}
    </div>
  );
}

function Attachment({ attachment, target }: { attachment: Json; target: Target }) {
  const { pretext, author_name: author, title, title_link: link, text, fields = [], footer, ts, blocks } = attachment;
  const own = Array.isArray(blocks) && blocks.length > 0;
  const nothing = !own && !title && !text && !pretext && !fields.length && !attachment.image_url;
  const image = attachment.image_url && { image_url: attachment.image_url, alt_text: title || attachment.fallback };
  return (
    <>
      {pretext && <Mrkdwn text={pretext} />}
      <div className="bk-attachment" style={{ borderColor: colourOf(attachment.color) }}>
        {author && (
          <small>
            {attachment.author_link ? <Link to={attachment.author_link}>{author}</Link> : <Plain text={author} />}
          </small>
        )}
        {title && <div className="title">{link ? <Link to={link}>{title}</Link> : <Plain text={title} />}</div>}
        {text && <Mrkdwn text={text} />}
        {fields.length > 0 && (
          <div className="fields">
            {(fields as Json[]).map((field, index) => (
              <div key={index} className={field.short ? "" : "whole"}>
                <div className="title">{field.title}</div>
                <Mrkdwn text={String(field.value ?? "")} />
              </div>
            ))}
          </div>
        )}
        {own && <Blocks blocks={blocks} target={target} />}
        {image && <Picture image={image} />}
        {nothing && <Mrkdwn text={String(attachment.fallback ?? "This attachment is empty.")} />}
        {(footer || ts) && (
          <small className="muted">
            {[footer, ts && slackDate(Number(ts), "{date_short_pretty} at {time}")].filter(Boolean).join(" | ")}
          </small>
        )}
      </div>
    </>
  );
}
