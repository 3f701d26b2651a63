// One site's live connection: the whole picture once, then what changes. Opened again for ever, with a growing pause, and
// given up by itself: a browser waits up to a minute for the last word of a socket that it closes, and a network that went
// away says none. Knows neither page nor network, they are passed in; next: `live.ts`.
export type FeedState = "starting" | "live" | "behind" | "lost";

interface Message {
  type: "hello" | "delta" | "feed";
  state?: FeedState;
  things?: Record<string, Record<string, unknown>>;
  gone?: string[];
}
export type Socket = Pick<WebSocket, "onmessage" | "onclose" | "close">;

export interface Ends<Picture> {
  open: () => Socket;
  read: () => Promise<Picture>;
  show: (picture: Picture) => void;
  // Whether all that the change is about is in the picture.
  change: (things: Record<string, Record<string, unknown>>, gone: string[]) => boolean;
  tell: (state: FeedState) => void;
  // ms
  now: () => number;
  later: (run: () => void, ms: number) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
// The console says something every five seconds, whatever the racks do.
const SILENCE_MS = 15_000;
const READ_AGAIN_MS = 1000;

export class Line<Picture> {
  private socket: Socket | null = null;
  private ended = false;
  private heard = 0;
  private pause = FIRST_PAUSE_MS;
  // What came while the picture was being read; null: nobody reads.
  private waiting: Message[] | null = null;
  // The connection on which the picture is to be read once more.
  private planned: Socket | null = null;

  constructor(private readonly ends: Ends<Picture>) {
    this.connect();
  }

  end(): void {
    this.ended = true;
    this.drop();
  }

  // To be asked every second or so.
  check(): void {
    if (this.socket !== null && this.ends.now() - this.heard > SILENCE_MS) this.lose();
  }

  // The connection is gone, or somebody has reason to think so.
  lose(): void {
    if (this.ended || this.socket === null) return;
    this.drop();
    this.ends.tell("behind");
    this.ends.later(() => this.connect(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  // The network is back: the pause need not be waited out.
  retry(): void {
    this.pause = FIRST_PAUSE_MS;
    this.connect();
  }

  private drop(): void {
    const dead = this.socket;
    this.socket = null;
    dead?.close();
  }

  private connect(): void {
    if (this.ended || this.socket !== null) return;
    const mine = this.ends.open();
    this.socket = mine;
    this.heard = this.ends.now();
    this.waiting = null;
    mine.onmessage = (event: MessageEvent<string>) => {
      if (this.socket === mine) this.hear(JSON.parse(event.data) as Message);
    };
    mine.onclose = () => {
      if (this.socket === mine) this.lose();
    };
  }

  private hear(message: Message): void {
    this.heard = this.ends.now();
    if (message.type === "hello") void this.read(message.state ?? "live");
    else if (this.waiting !== null) this.waiting.push(message);
    else this.take(message);
  }

  private take(message: Message): void {
    if (message.type === "feed") this.ends.tell(message.state ?? "live");
    else if (!this.ends.change(message.things ?? {}, message.gone ?? [])) this.readAgain();
  }

  // Something is new. Things may appear faster than the whole is worth reading.
  private readAgain(): void {
    const mine = this.socket;
    if (this.planned === mine) return;
    this.planned = mine;
    this.ends.later(() => {
      if (this.planned !== mine) return;
      this.planned = null;
      if (this.socket === mine && this.waiting === null) void this.read(null);
    }, READ_AGAIN_MS);
  }

  private async read(state: FeedState | null): Promise<void> {
    const mine = this.socket;
    this.waiting = [];
    try {
      const picture = await this.ends.read();
      if (this.socket !== mine) return;
      this.ends.show(picture);
      if (state !== null) this.ends.tell(state);
      this.pause = FIRST_PAUSE_MS;
      const missed = this.waiting;
      for (const message of missed) this.take(message);
      this.waiting = null;
    } catch {
      if (this.socket === mine) this.lose();
    }
  }
}
