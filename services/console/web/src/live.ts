// Follows a site's twins on the page: things once, then deltas by WebSocket (`line.ts` keeps the connection).
import { api } from "./api";
import { Line } from "./line";
import { applyDelta, feed, now, replaceThings, sites } from "./store";

type Picture = [Awaited<ReturnType<typeof api.things>>, Awaited<ReturnType<typeof api.sites>>];

let line: Line<Picture> | null = null;

export function follow(site: string): void {
  line?.end();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  line = new Line<Picture>({
    open: () => new WebSocket(`${scheme}://${location.host}/api/v1/sites/${encodeURIComponent(site)}/live`),
    read: () => Promise.all([api.things(site), api.sites()]),
    show: ([answer, known]) => {
      replaceThings(answer.things);
      sites.value = known;
    },
    change: applyDelta,
    tell: (state) => (feed.value = state),
    now: () => performance.now(),
    later: (run, ms) => void setTimeout(run, ms),
  });
}

// The browser's word that the network went is not proof: a console on the same machine still answers, and is found again.
addEventListener("offline", () => line?.lose());
addEventListener("online", () => line?.retry());

setInterval(() => {
  now.value = Date.now();
  line?.check();
}, 1000);
