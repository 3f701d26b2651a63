// Follows a site's twins: things once, then deltas by WebSocket. Reconnects for ever, with a growing pause, and says so.
import { api } from "./api";
import { applyDelta, feed, now, replaceThings, sites } from "./store";

interface Message {
  type: "hello" | "delta" | "feed";
  state?: "starting" | "live" | "lost";
  things?: Record<string, Record<string, unknown>>;
  gone?: string[];
}

const LONGEST_PAUSE_MS = 10_000;
// Nothing heard for this long although racks report every second: the line is dead.
const SILENCE_MS = 20_000;

let socket: WebSocket | null = null;
let wanted = "";
let pause = 500;
let heard = 0;
let waiting: Message[] | null = null;

export function follow(site: string): void {
  wanted = site;
  pause = 500;
  socket?.close();
  void connect(site);
}

async function connect(site: string): Promise<void> {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(`${scheme}://${location.host}/api/v1/sites/${encodeURIComponent(site)}/live`);
  socket = mine;
  waiting = [];
  mine.onmessage = (event: MessageEvent<string>) => {
    heard = Date.now();
    const message = JSON.parse(event.data) as Message;
    if (message.type === "hello") void load(site, mine, message);
    else if (waiting !== null) waiting.push(message);
    else take(message, site);
  };
  mine.onclose = () => {
    if (socket !== mine || wanted !== site) return;
    feed.value = "behind";
    setTimeout(() => wanted === site && socket === mine && void connect(site), pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };
}

async function load(site: string, mine: WebSocket, hello: Message): Promise<void> {
  try {
    const answer = await api.things(site);
    if (socket !== mine) return;
    replaceThings(answer.things);
    sites.value = await api.sites();
    feed.value = hello.state ?? "live";
    pause = 500;
    const missed = waiting ?? [];
    waiting = null;
    for (const message of missed) take(message, site);
  } catch {
    mine.close();
  }
}

function take(message: Message, site: string): void {
  if (message.type === "feed") feed.value = message.state ?? "live";
  // Something new appeared: the whole picture is needed once.
  else if (!applyDelta(message.things ?? {}, message.gone ?? [])) void reload(site);
}

let reloading = false;
async function reload(site: string): Promise<void> {
  if (reloading) return;
  reloading = true;
  try {
    const answer = await api.things(site);
    if (wanted === site) replaceThings(answer.things);
    sites.value = await api.sites();
  } catch {
    socket?.close();
  } finally {
    reloading = false;
  }
}

// For tests: what a network that went away would do.
declare global {
  interface Window {
    racktwinDisconnect?: () => void;
  }
}
window.racktwinDisconnect = () => socket?.close();

setInterval(() => {
  now.value = Date.now();
  if (feed.value === "live" && heard > 0 && Date.now() - heard > SILENCE_MS) {
    feed.value = "behind";
    socket?.close();
  }
}, 1000);
