/** Where one writes. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ClipboardEvent, DragEvent, KeyboardEvent } from "react";
import { draft, draftKey, setDraft, useDraft } from "../drafts";
import { fitting, typingAt, type Typing } from "../mentions";
import { complain } from "../notices";
import { useWorkspace } from "../people";
import { size } from "../times";
import type { ChannelFacts, Workspace } from "../types";
import { Completion, type Offer } from "./Completion";
import { editing } from "./editing";
import { ClipIcon, CloseIcon, SendIcon } from "./icons";
import { lastOwn, send } from "./sending";
import { Shortcuts } from "./Shortcuts";
import { useGrowing } from "./useGrowing";
import { useUploads } from "./useUploads";

interface Props {
  channel: ChannelFacts;
  person: string;
  /** The accessible name of the field. */
  label: string;
  thread?: string;
  /** Whether a reply may be sent to the channel too. */
  broadcast?: boolean;
}

/** The field with its files, what it offers while one types, and the buttons. */
export function Composer({ channel, person, label, thread, broadcast }: Props) {
  const workspace = useWorkspace();
  const key = draftKey(person, channel.id, thread ?? null);
  const { text, files } = useDraft(key);
  const field = useRef<HTMLTextAreaElement>(null);
  const caret = useRef<number | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const [typing, setTyping] = useState<Typing | null>(null);
  const [chosen, setChosen] = useState(0);
  const [also, setAlso] = useState(false);
  const [over, setOver] = useState(false);
  const { add, pending } = useUploads(key);
  useGrowing(field, text);
  useLayoutEffect(() => {
    if (caret.current === null) return;
    field.current?.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [text]);

  const offers = workspace && typing ? offered(typing, workspace, !thread) : [];
  const list = `offers-${thread ? "thread" : "main"}`;
  const at = Math.min(chosen, offers.length - 1);
  const complete =
    offers.length === 1 && typing && offers[0].put.toLowerCase() === typing.sign + typing.query.toLowerCase();
  const ready = (text.trim() !== "" || files.length > 0) && pending.length === 0;

  const look = () => {
    const shown = field.current;
    const next =
      shown && shown.selectionStart === shown.selectionEnd ? typingAt(shown.value, shown.selectionStart) : null;
    setTyping((before) => (same(before, next) ? before : next));
    if (!same(typing, next)) setChosen(0);
  };
  const take = (offer: Offer) => {
    if (!typing || !field.current) return;
    const end = typing.start + 1 + typing.query.length;
    const rest = text.slice(end);
    const put = text.slice(0, typing.start) + offer.put + (rest.startsWith(" ") ? "" : " ");
    setDraft(key, { text: put + rest });
    setTyping(null);
    caret.current = put.length + (rest.startsWith(" ") ? 1 : 0);
  };
  const submit = async () => {
    if (!ready || !workspace) return;
    const sent = draft(key);
    setTyping(null);
    setDraft(key, { text: "", files: [] });
    field.current?.focus();
    try {
      await send({ person, channel: channel.id, thread, broadcast: also, draft: sent, workspace });
      setAlso(false);
    } catch (error) {
      const now = draft(key);
      setDraft(key, {
        text: now.text ? `${sent.text}\n${now.text}` : sent.text,
        files: [...sent.files, ...now.files],
      });
      complain(error);
    }
  };

  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing || event.altKey) return;
    const { key: name, shiftKey } = event;
    if (offers.length && (name === "ArrowDown" || name === "ArrowUp")) {
      setChosen((at + (name === "ArrowDown" ? 1 : -1) + offers.length) % offers.length);
    } else if (offers.length && !shiftKey && (name === "Tab" || (name === "Enter" && !complete))) take(offers[at]);
    else if (offers.length && name === "Escape") setTyping(null);
    else if (name === "Enter" && !shiftKey) void submit();
    else if (name === "ArrowUp" && !text && !files.length) {
      const last = lastOwn(channel.id, thread, person);
      if (!last) return;
      editing(`${channel.id}/${last}/${thread ?? ""}`);
    } else return;
    event.preventDefault();
  };
  const paste = (event: ClipboardEvent) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files);
  };

  useEffect(() => {
    if (thread || matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, [thread]);

  return (
    <div
      className={`composer${over ? " over" : ""}`}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {offers.length > 0 && <Completion id={list} offers={offers} chosen={at} onChoose={setChosen} onTake={take} />}
      <div className="box">
        <textarea
          ref={field}
          rows={1}
          aria-label={label}
          placeholder={`${label}…`}
          value={text}
          aria-autocomplete="list"
          aria-controls={offers.length ? list : undefined}
          aria-activedescendant={offers.length ? `${list}-${at}` : undefined}
          onChange={(event) => {
            setDraft(key, { text: event.target.value });
            look();
          }}
          onSelect={look}
          onBlur={() => setTyping(null)}
          onKeyDown={press}
          onPaste={paste}
        />
        {(files.length > 0 || pending.length > 0) && (
          <ul className="chips" aria-label="Files to send">
            {files.map((file) => (
              <li key={file.id}>
                {file.name} <small>{size(file.size)}</small>
                <button
                  type="button"
                  aria-label={`Remove ${file.name}`}
                  onClick={() => setDraft(key, { files: files.filter((other) => other.id !== file.id) })}
                >
                  <CloseIcon />
                </button>
              </li>
            ))}
            {pending.map((name, index) => (
              <li key={`${name} ${index}`} className="muted">
                {name} <small>uploading…</small>
              </li>
            ))}
          </ul>
        )}
        <div className="row">
          <button
            type="button"
            className="icon"
            aria-label="Attach files"
            title="Attach files"
            onClick={() => chooser.current?.click()}
          >
            <ClipIcon />
          </button>
          <input
            ref={chooser}
            type="file"
            multiple
            hidden
            aria-hidden="true"
            tabIndex={-1}
            onChange={(event) => {
              add(event.target.files);
              event.target.value = "";
            }}
          />
          <Shortcuts acting={person} />
          {broadcast && (
            <label className="check">
              <input type="checkbox" checked={also} onChange={(event) => setAlso(event.target.checked)} />
              Also send to {channel.kind === "channel" ? `#${channel.name}` : channel.name}
            </label>
          )}
          <button
            type="button"
            className="send"
            aria-label="Send"
            title="Send (Enter)"
            disabled={!ready}
            onClick={submit}
          >
            <SendIcon />
          </button>
        </div>
      </div>
    </div>
  );
}

function same(a: Typing | null, b: Typing | null): boolean {
  return a?.sign === b?.sign && a?.query === b?.query && a?.start === b?.start;
}

function offered({ sign, query }: Typing, workspace: Workspace, commands: boolean): Offer[] {
  if (sign !== "/") {
    return fitting(query, workspace, sign).map(({ name, hint, id }) => ({
      id,
      put: sign + name,
      name: sign + name,
      hint,
    }));
  }
  if (!commands) return [];
  return workspace.commands
    .filter(({ command }) => command.slice(1).startsWith(query.toLowerCase()) && command !== `/${query}`)
    .map(({ command, description, usage_hint }) => ({
      id: command,
      put: command,
      name: usage_hint ? `${command} ${usage_hint}` : command,
      hint: description,
    }));
}
