/**
 * What the page and its server say to each other over the WebSocket `live`: JSON text frames.
 *
 * The server keeps a map of facts up to date: it sends `set` and `drop` for the keys that the page watches. The page sends
 * requests with a number; each gets exactly one answer with that number.
 */

export type Json = { [key: string]: any };

/** What the server sends. */
export type Frame =
  | { set?: Record<string, any>; drop?: string[] }
  | { id: number; ok: true; value: any }
  | { id: number; ok: false; error: string };

export interface Person {
  id: string;
  name: string;
  display_name: string;
  /** Deactivated. */
  deleted: boolean;
  /** Of another organisation (Slack Connect). */
  outside: boolean;
  /** An app's bot user. */
  bot: boolean;
}

/** Key `workspace`. */
export interface Workspace {
  team: { id: string; name: string };
  /** The app under trial. */
  app: { user_id: string; bot_id: string; app_id: string; name: string };
  people: Person[];
  groups: { id: string; handle: string; name: string; users: string[] }[];
  /** All channels by id and name, for mentions and channel selects; a direct message has no name. */
  channels: { id: string; name: string; kind: ChannelKind }[];
  commands: { command: string; description: string; usage_hint: string }[];
  shortcuts: { callback_id: string; name: string; kind: "global" | "message"; description: string }[];
}

export type ChannelKind = "channel" | "group" | "mpim" | "im";

export interface ChannelFacts {
  id: string;
  name: string;
  kind: ChannelKind;
  topic: string;
  /** Ids of people, the bot's user included where it is in. */
  members: string[];
  /** Whether the person that the page acts as is a member; public channels of others can be read too. */
  member: boolean;
  archived: boolean;
  /** Messages of others since the person last read: top level and in threads the person takes part in. */
  unread: number;
  /** Those of `unread` that mention the person; in a direct message all of them. */
  mentions: number;
}

/** Key `me`: what the person sees that the page acts as. */
export interface Me {
  person: string;
  /** Public channels, the private ones the person is in, and the direct message with the app (made when it is missing). */
  channels: ChannelFacts[];
}

/** Key `channel:C1`. */
export interface ChannelMessages {
  /** The ts of the newest top-level messages, ephemeral ones among them, oldest first. */
  messages: string[];
  /** Whether there are older ones than these; ask for more with `watch`. */
  earlier: boolean;
  /** The last ts that the person has read, "" for none. */
  read: string;
}

/** Key `thread:C1/1700000000.000100`. */
export interface ThreadMessages {
  /** The root, then the replies, ephemeral ones among them. */
  messages: string[];
  session: { status: "processing" | "active" | "suspended" | "closed"; title: string } | null;
  /** What `assistant.threads.setStatus` shows: "" when it is cleared. */
  status: { status: string; loading_messages: string[] } | null;
  read: string;
}

/** Key `message:C1/1700000000.000100`. */
export interface MessageFacts {
  /** The message object of Slack's API, `blocks`, `files`, `reactions`, `reply_count` and `edited` included. */
  message: Json;
  /** A stream is open on it. */
  streaming: boolean;
  /** Shown to this person only. */
  ephemeral: boolean;
  /** A deleted root that has replies. */
  deleted: boolean;
}

/** Key `prompts:D1`: the suggested prompts of a direct message with the app; null for none. */
export interface Prompts {
  title: string;
  prompts: { title: string; message: string }[];
}

/** Key `home`: the Home tab that the app published for the person, the view object; null while there is none. */
export type HomeFacts = Json | null;

/** Key `modals`: the open modals of the person, the visible one last. */
export interface ModalFacts {
  view: Json;
  /** By block_id, from the app's acknowledgement. */
  errors: Record<string, string>;
}

/** Key `bot`: the program under trial. Null where the page was opened without one (tests of other apps). */
export interface BotFacts {
  state: "starting" | "running" | "stopping" | "stopped" | "crashed";
  /** Seconds from its start until its socket was open. */
  ready_seconds: number | null;
  pid: number | null;
  model: { kind: "offline" | "real"; name: string };
  /** The folder that the filesystem tools may use. */
  folder: string;
  /** The last lines it logged. */
  log: string[];
  /** What one might ask it: shown where a conversation is still empty. */
  examples: string[];
}

/** Key `faults`. */
export interface FaultFacts {
  /** Everything that can be switched on, grouped; `field` is a number that may be given with it. */
  offered: {
    kind: string;
    group: "Slack" | "Socket" | "Model" | "Processes";
    title: string;
    hint: string;
    field?: { label: string; unit: string; default: number; min: number; max: number };
    /** Why it cannot be used now; "" when it can. */
    unavailable: string;
    /** True: happens at once. False: stays on until it is switched off or used up. */
    once: boolean;
  }[];
  /** What is on now. */
  active: { id: string; kind: string; title: string; left: number | null }[];
}

/** Key `entry:12`: one line of the inspector, watched while it is open. The whole comes with the request `entry`. */
export interface Entry {
  number: number;
  /** Seconds since 1970. */
  at: number;
  kind: "call" | "envelope" | "model";
  /** A method (`chat.postMessage`), an event type (`app_mention`, `block_actions approval.approve`), a model's name. */
  title: string;
  /** A few words: the text posted, the channel, who clicked, how many messages and tools were sent. */
  summary: string;
  /** ok; refused: Slack's own rules said no; fault: made to fail here; open: not answered or acknowledged yet. */
  outcome: "ok" | "refused" | "fault" | "open";
  /** The error code or the reason, "" when there is none. */
  error: string;
  /** Milliseconds until it was answered or acknowledged. */
  ms: number | null;
  attempts: number;
}

/** Key `journal`: which entries there are, newest last, at most some hundreds. */
export interface Journal {
  entries: number[];
  refused: number;
}

/** Key `scenario`: the conversation that is being replayed; null for none. */
export interface ScenarioFacts {
  title: string;
  steps: { title: string; state: "waiting" | "running" | "done" | "failed"; error: string }[];
}

/** State of form elements: `{block_id: {action_id: value}}`, a value as `submit` of the sandbox takes it: a text, the
 * value of an option, a list of them, an id or ids, a date as text. */
export type Values = Record<string, Record<string, any>>;

/** The requests. Every one carries `as`, the id of the acting person, except `watch`, which sets it. */
export interface Requests {
  /** What this page shows: facts of these keys are kept up to date, others dropped. `earlier`: how many top-level messages. */
  watch: { person: string; channel: string | null; thread: string | null; earlier: number; inspector: boolean };
  say: { as: string; channel: string; thread_ts?: string; text: string; files?: string[]; broadcast?: boolean };
  edit: { as: string; channel: string; ts: string; text: string };
  delete: { as: string; channel: string; ts: string };
  react: { as: string; channel: string; ts: string; name: string };
  /** A button, menu or other element of a message (`channel`, `ts`) or view (`view_id`). `value`: what was picked. */
  act: {
    as: string;
    channel?: string;
    ts?: string;
    view_id?: string;
    block_id: string;
    action_id: string;
    value?: any;
    values?: Values;
  };
  /** Answers `{closed: boolean}`; errors of the app stand in `modals`. */
  submit: { as: string; view_id: string; values: Values };
  close: { as: string; view_id: string };
  /** Options of an external select; answers `{options: […], option_groups: […]}`. */
  options: { as: string; channel?: string; ts?: string; view_id?: string; block_id: string; action_id: string; query: string };
  command: { as: string; channel: string; command: string; text: string };
  /** One of a message, or of the app as a whole. */
  shortcut: { as: string; callback_id: string; channel?: string; ts?: string };
  home: { as: string; tab: "home" | "messages" };
  stop: { as: string; channel: string; thread_ts: string };
  read: { as: string; channel: string; thread_ts?: string };
  join: { as: string; channel: string };
  /** Adds the person, or the app when none is named. */
  invite: { as: string; channel: string; person?: string };
  /** Answers `{id}`. */
  create_channel: { as: string; name: string; private: boolean };
  create_person: { as: string; name: string };
  dismiss: { as: string; channel: string; ts: string };
  fault: { as: string; kind: string; number?: number };
  /** One by its id, or all with null. (A request's own number is its `id`.) */
  clear_fault: { as: string; fault: string | null };
  bot: { as: string; what: "start" | "stop" | "restart" | "kill" };
  /** Answers the whole entry: `{request, response}` of a call or a model request, `{envelope, ack}` of an envelope. */
  entry: { as: string; number: number };
  clear_journal: { as: string };
}
