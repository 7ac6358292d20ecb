// The view and the messages of belay.1 in TypeScript's words, for the type
// check alone: no browser ever reads this file. The contract itself stands in
// session/view.go, session/acts.go and signaling/protocol.

export type SeatID = string;
export type PeerID = string;
/** RFC 3339; read it with clock.js. */
export type Time = string;
export type Role = "therapist" | "co_therapist" | "client" | "chaperone";
export type Phase =
  | "scheduled" | "lobby" | "check_in" | "ready" | "absorbing" | "active" | "integrating"
  | "release_check" | "closed" | "signed" | "cancelled" | "ended_early" | "transferred";
export type Priority = "low" | "medium" | "high";

export interface View {
  session: string;
  seq: number;
  now: Time;
  rate: number;
  practice: boolean;
  starts_at: Time;
  opens_at: Time;
  signed: boolean;
  you: You;
  people: Person[] | null;
  clients: ClientView[] | null;
  alarms: Alarm[] | null;
  actions: Action[] | null;
  call?: Call;
  ways?: Way[];
  parts?: Part[];
  devices?: DeviceRequest[];
  lines?: Line[];
  states?: string[];
  consent?: string;
}

export interface You { seat: SeatID; role: Role; name: string; arrived: boolean; leaving: boolean }

export interface Person {
  seat: SeatID;
  role: Role;
  name: string;
  pronouns?: string;
  present: boolean;
  since?: Time;
  instead?: Time;
  confirmed?: Time;
  arrived?: boolean;
  leaving?: boolean;
  phone?: string;
  device?: DeviceFound;
  link?: "none" | "valid" | "used" | "expired" | "revoked";
  parts?: Part[];
  call?: Call;
  near?: boolean;
}

export interface Part { id: "adult" | "on_site" | "another_room" | "duties_read" | "test_call"; title: string; done: boolean }

export interface ClientView {
  seat: SeatID;
  name: string;
  pronouns?: string;
  phase: Phase;

  steps?: Steps;
  help?: Help;
  words?: string;
  may_take?: MayTake;
  visit_at?: Time;
  dimmed?: boolean;
  chaperone_sees?: boolean;
  music?: boolean;

  t0?: Time;
  look?: Look;
  vitals_ask?: boolean;

  phase_since?: Time;
  order?: Order;
  stated?: StatedAddress;
  today?: Today;
  gates?: Gate[];
  authorization?: Authorization;
  doses?: Dose[];
  windows?: Windows;
  holding?: Time;
  next?: Next[];
  vitals?: Vitals[];
  limits?: Limits;
  side_effects?: SideEffect[];
  ratings?: Rating[];
  criteria?: Criterion[];
  picture_lost?: Time;
  sound_lost?: Time;
  voice_lost?: Time;
  card?: Card;
  summary?: string;
  cpt?: string;
}

export interface Steps {
  device: boolean;
  introduced: boolean;
  address?: StatedAddress;
  today?: Today;
  consented: boolean;
  said_yes: boolean;
  open?: string[];
}
export interface StatedAddress { client: SeatID; street: string; city: string; state: string; access: string; phone: string }
export interface Today { client: SeatID; fasted: boolean; changes: string; intention: string }
export interface Help { stage: "calling" | "known" | "coming" | "with"; who?: string }
export interface MayTake { number: number; mg: number; tablets: number }
export interface Look { last?: Time; by?: string; due?: Time; every_s: number; prompt?: "due" | "loud" }
export interface Order {
  product: string; dose_mg: number; tablets: number; total_mg: number;
  booster_from_s: number; booster_to_s: number; limits?: Limits; conditions?: string;
  prescriber?: string; phone?: string; number: number; of: number;
}
export interface Field { name: string; label: string; kind: "check" | "text" | "tel" | "state" | "number" | "time"; optional?: boolean }
export interface Gate {
  id: string; title: string; state: "open" | "passed" | "overridden"; reason?: string;
  at?: Time; by?: string; values?: Record<string, string>; fields?: Field[]; hint?: string;
}
export interface Criterion {
  id: string; title: string; met: boolean; why?: string; at?: Time; by?: string;
  values?: Record<string, string>; fields?: Field[];
}
export interface Authorization { number: number; mg: number; tablets: number; at: Time; lapses: Time; valid: boolean; why?: string }
export interface Dose {
  number: number; mg: number; tablets: number; at: Time; by: SeatID; witnessed_by?: SeatID;
  past_gates?: boolean; open_gates?: string[]; reason?: string; outcome?: string;
  corrections?: { at: Time; mg: number; tablets?: number; reason: string; by: SeatID; on: Time }[];
}
export interface Windows {
  t0: Time; hold_ends: Time; offered: Time; overdue: Time;
  vitals_due?: Time; planned_end: Time; release_from: Time; release_by?: Time;
}
export interface Next { words: string; at: Time }
export interface Vitals {
  at: Time; systolic: number; diastolic: number; heart_rate?: number; spo2?: number;
  source?: string; by: SeatID; level: "ok" | "caution" | "block" | "alarm";
}
export interface Limits {
  block_systolic: number; block_diastolic: number; block_heart_rate: number;
  caution_systolic: number; caution_diastolic: number;
  alarm_systolic: number; alarm_diastolic: number; baseline_span: number;
}
export interface SideEffect { id: string; kind: string; note?: string; onset: Time; resolved?: Time; action?: string; by: SeatID }
export interface Rating { scale: "moaas" | "dissociation"; value: number; at: Time; by: SeatID }
export interface Alarm {
  id: string; condition: string; client?: SeatID; words: string; priority: Priority;
  since: Time; raised: Time; late?: boolean; rung: number; rungs: number;
  acknowledged?: Time; acknowledged_by?: string; ended?: Time; shown: boolean; mine: boolean;
  own?: boolean; may_clear: boolean; dial?: Way[]; card?: boolean;
}
export interface Action { act: string; client?: SeatID; allowed: boolean; reason?: string; needs?: string; primary?: boolean; number?: number }
export interface Call { client: SeatID; words: string; stage: "called" | "going" | "with"; since: Time }
export interface Way { name: string; phone: string }
export interface DeviceRequest { request: string; seat: SeatID; name: string; words: string; since: Time }
export interface Line { seq: number; at: Time; words: string; kind: string }
export interface Card {
  script: string[]; address: string; confirmed: string; emergency: string;
  ways: Way[]; doses: string[]; vitals: string; conditions: string;
}

export type Found = "ok" | "none" | "refused" | "busy" | "failed";
export interface DeviceFound { camera: Found; microphone: Found; loudspeaker: "heard" | "not_heard" | "untested" }

// The messages of belay.1.

export interface Refused { code: string; words: string; missing?: string[] }
export interface Result { ok: boolean; seq?: number; noted?: boolean; refused?: Refused }
export interface IceServer { for?: "direct" | "relay"; urls: string[]; username?: string; credential?: string }
export interface Welcome { conn: string; seat: SeatID; now: Time; rate: number; ice_servers: IceServer[] | null; knows?: string[] }
export interface Peer { peer: PeerID; seat: SeatID; role: Role | "relay"; offer: boolean; video: boolean }
export interface Telemetry {
  battery?: number; charging?: boolean; wake_lock: boolean; visible: boolean;
  mic_level: number; mic_live: boolean; cam_live: boolean; receiving?: Receiving[];
  mic_off?: boolean; no_sound?: boolean;
}
export interface Receiving {
  peer: PeerID; frame_age: number; packet_age: number; fps: number; sound_age: number;
  sound_level: number; loss: number; round_trip: number; route: string;
}
export interface Truth { seat: SeatID; peer: PeerID; seen: Telemetry }
export interface Degraded { ok: boolean; since: Time; words: string; noted?: number }
export interface Slots { peer: PeerID; slots: { slot: number; seat: SeatID; peer: PeerID }[] }
export interface Direct { kind: "help" | "seen" | "rope"; id: string; want?: string; got?: string }
export type SignalType = "offer" | "answer" | "candidate" | "need_offer" | "rope";

// connection.js

export interface ConnectionState {
  name: "connecting" | "open" | "reconnecting" | "replaced" | "ended";
  /** Why it ended: "revoked" (link or sign-in), "unknown" (no such session), "protocol" (load the page again). */
  why?: "revoked" | "unknown" | "protocol";
  /** Whether the server itself said so, and not something on the way to it. */
  told?: boolean;
  /** The server's words, where it said any. */
  words?: string;
  /** Since when it is so; Date.now() ms of this device. */
  since: number;
  /** When the server was last heard; Date.now() ms, 0 if never. */
  heard: number;
  /** ms since the server was last heard, once that is 5 s or more; else 0. */
  silentFor: number;
}

export interface Events {
  welcome: (welcome: Welcome) => void;
  ice_servers: (fresh: { ice_servers: IceServer[] }) => void;
  view: (view: View) => void;
  /** Out names pages that may not be met any more. */
  peers: (peers: Peer[], out: PeerID[]) => void;
  signal: (type: SignalType, body: any) => void;
  slots: (slots: Slots) => void;
  truth: (truth: Truth) => void;
  degraded: (degraded: Degraded) => void;
  state: (state: ConnectionState) => void;
}

export interface Connection {
  /** The page's id, as long as the page lives. */
  readonly peer: PeerID;
  /** on adds a listener and returns a function that removes it. */
  on<K extends keyof Events>(event: K, f: Events[K]): () => void;
  /**
   * command sends an act and resolves with the server's answer. It keeps its id
   * and is sent again after a reconnect until it is answered. Where the server
   * cannot record it, it is sent again for 45 seconds; with insist for as long as
   * it takes. One that a page before this one has sent has its id, and says when it
   * was asked (Date.now() ms).
   */
  command(act: string, body?: object, options?: { insist?: boolean; id?: string; askedAt?: number }): Promise<Result>;
  /** name makes the id of a command that is to outlive the page. */
  name(): string;
  /** send sends a message now, or says false where nobody is there to hear it. */
  send(type: string, body: object): boolean;
  /** now is the session's time in ms. */
  now(): number;
  state(): ConnectionState;
  /** doubt finds out whether the socket still leads anywhere: if so it says that, else it opens another, if there is still reason to doubt. */
  doubt(well?: () => void, still?: () => boolean): void;
  /** retry tries at once; after "replaced" it takes the seat back. */
  retry(): void;
  close(): void;
}

// media.js

export interface Instead {
  kind: "camera" | "microphone" | "loudspeaker";
  /** Of what is used now; empty where nobody says. */
  label: string;
}

export interface CaptureState {
  camera: Found | "off";
  microphone: Found | "off";
  /** Plain words for what is wrong, per browser; empty when all is well. */
  words: string;
  /** A device that was chosen or in use is gone, and this one has taken its place; for half a minute. */
  instead?: Instead;
  /** The microphone is on, and has given no sound at all for some seconds. */
  soundless?: boolean;
  /** The microphone is switched off, or was never on, as the person here wants it; since when, in ms of Date.now(). */
  quiet?: number;
  /** Nothing can be done without a tap: make the whole screen the button that calls start(). */
  needsTap: boolean;
}

/** What this page gets from one seat now. Ages are in seconds, -1: nothing yet. */
export interface Seen extends Receiving {
  seat: SeatID;
  role: string;
  /** Of the connection that brings it. */
  state: RTCPeerConnectionState;
  /** The other of the two ropes stands ready. */
  second: boolean;
}

export interface MediaOptions {
  connection: Connection;
  /** false: only watch and listen (a chaperone who may see). */
  send?: boolean;
  /** A picture or sound from a seat is there, or has changed. The stream of a seat stays the same object. */
  onRemote?: (seat: SeatID, stream: MediaStream) => void;
  /** Nothing comes from that seat any more. */
  onGone?: (seat: SeatID) => void;
  /** A message over the data channel, without the server. */
  onDirect?: (seat: SeatID, message: Direct) => void;
  /** The own picture, for a self view. */
  onLocal?: (stream: MediaStream) => void;
  onCapture?: (state: CaptureState) => void;
  /** Once a second: what this page sees and hears. */
  onSeen?: (seen: Seen[], own: Telemetry) => void;
  /** Whether the browser lets no sound out until somebody taps the page. */
  noSound?: () => boolean;
}

export interface Media {
  /**
   * start captures camera and microphone (again); with a choice only what is
   * named in it, "" being the browser's own choice. It never throws: the state
   * says what was found.
   */
  start(choice?: { camera?: string; microphone?: string }): Promise<CaptureState>;
  /** use takes over what a device check has already captured. */
  use(stream: MediaStream): void;
  readonly local: MediaStream;
  /** Whoever is received, by seat. */
  readonly remote: ReadonlyMap<string, MediaStream>;
  capture(): CaptureState;
  /** gone says of a device that it is not there any more. A camera or a microphone is noticed without. */
  gone(instead: Instead): void;
  setCamera(on: boolean): void;
  setMicrophone(on: boolean): void;
  /** Music plays in this room: nothing is filtered out of the sound. */
  setMusic(on: boolean): Promise<void>;
  /** sendDirect sends to everyone with an open data channel and says to how many. */
  sendDirect(message: Direct): number;
  /** Whether anybody could be reached without the server. */
  hasDirect(): boolean;
  seen(): Seen[];
  close(): void;
}
