// The page: signs in, follows the chosen site, shows the chosen view.
import { effect } from "@preact/signals";
import { render, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { keep, read } from "./address";
import { api, ApiError, type Me } from "./api";
import { follow } from "./live";
import { SignIn } from "./parts/SignIn";
import { TopBar } from "./parts/TopBar";
import { feed, me, openAlerts, room, site, sites, theSite, view, type View } from "./store";
import "./style.css";
import { text } from "./text";
import "./theme";
import { AlertsView } from "./views/AlertsView";
import { AuditView } from "./views/AuditView";
import { DashboardsView } from "./views/DashboardsView";
import { MaintenanceView } from "./views/MaintenanceView";
import { OptimiseView } from "./views/OptimiseView";
import { ReplayView } from "./views/ReplayView";
import { RoomView } from "./views/RoomView";
import { WhatIfView } from "./views/WhatIfView";

const VIEWS: [View, ComponentType][] = [
  ["room", RoomView],
  ["dashboards", DashboardsView],
  ["replay", ReplayView],
  ["whatif", WhatIfView],
  ["optimise", OptimiseView],
  ["maintenance", MaintenanceView],
  ["alerts", AlertsView],
  ["audit", AuditView],
];

function Page() {
  const [known, setKnown] = useState(false);
  useEffect(() => {
    api.me().then(
      (who) => enter(who).then(() => setKnown(true)),
      () => setKnown(true),
    );
  }, []);
  // On a narrow screen the tabs scroll.
  useEffect(() => document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" }), [view.value, known]);
  if (!known) return null;
  if (me.value === null) return <SignIn onDone={(who) => void enter(who)} />;
  const Shown = VIEWS.find(([name]) => name === view.value)?.[1] ?? RoomView;
  return (
    <>
      <a class="skip" href="#content">
        {text.skip}
      </a>
      <TopBar onSignOut={() => void api.signOut().finally(() => location.assign("/"))} />
      <nav aria-label={text.title}>
        {VIEWS.map(([name]) => (
          <button key={name} aria-current={view.value === name ? "page" : undefined} onClick={() => (view.value = name)}>
            {text.views[name]}
            {name === "alerts" && openAlerts.value > 0 && <b class="count">{openAlerts.value}</b>}
          </button>
        ))}
      </nav>
      {feed.value !== "live" && feed.value !== "starting" && (
        <div class="banner" role="alert">
          {text.feed[feed.value]}
        </div>
      )}
      <main id="content" tabIndex={0} aria-label={text.views[view.value]}>
        {site.value === "" ? <p class="page hint">{text.noSite}</p> : <Shown />}
      </main>
    </>
  );
}

async function enter(who: Me): Promise<void> {
  sites.value = await api.sites();
  read();
  if (!sites.value.some((each) => each.name === site.value)) site.value = sites.value[0]?.name ?? "";
  me.value = who;
  keep();
  let followed = "";
  effect(() => {
    if (site.value !== "" && site.value !== followed) {
      followed = site.value;
      follow(followed);
    }
    const rooms = theSite.value?.rooms ?? [];
    if (rooms.length > 0 && !rooms.some((each) => each.name === room.value)) room.value = rooms[0]!.name;
  });
  // A site that comes later is shown without asking.
  const waiting = setInterval(() => {
    if (site.value !== "") clearInterval(waiting);
    else
      void api.sites().then((found) => {
        sites.value = found;
        site.value = found[0]?.name ?? "";
      });
  }, 2000);
  // A session that ended elsewhere: back to the first page instead of a page that no longer moves.
  setInterval(() => {
    api.me().catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) location.reload();
    });
  }, 60_000);
}

render(<Page />, document.getElementById("page")!);
