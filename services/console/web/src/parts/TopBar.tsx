// Where one is, whether what one sees is live, search, and who one is.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Hit } from "../api";
import { feed, me, past, room, selected, site, sites, theSite, view } from "../store";
import { text } from "../text";
import { theme } from "../theme";

export function TopBar({ onSignOut }: { onSignOut: () => void }) {
  return (
    <header class="bar">
      <strong class="brand">{text.title}</strong>
      <label class={sites.value.length < 2 ? "single" : ""}>
        <span class="hidden">{text.bar.site}</span>
        <select value={site.value} onChange={(event) => (site.value = event.currentTarget.value)}>
          {sites.value.map((each) => (
            <option key={each.name} value={each.name}>
              {each.display_name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="hidden">{text.bar.room}</span>
        <select value={room.value} onChange={(event) => (room.value = event.currentTarget.value)}>
          {(theSite.value?.rooms ?? []).map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </select>
      </label>
      <Search />
      <span class={`feed ${past.value === null ? feed.value : "past"}`} role="status">
        {past.value === null ? text.feed[feed.value] : `${text.views.replay}: ${new Date(past.value.at).toLocaleString()}`}
      </span>
      <button class="plain" aria-label={text.bar.theme} title={text.bar.theme} onClick={() => (theme.value = theme.value === "dark" ? "light" : "dark")}>
        {theme.value === "dark" ? "☾" : "☀"}
      </button>
      <span class="who">
        {me.value?.user} <small>{me.value?.role}</small>
      </span>
      <button onClick={onSignOut}>{text.bar.signOut}</button>
    </header>
  );
}

function Search() {
  const [asked, setAsked] = useState("");
  const [hits, setHits] = useState<Hit[]>([]);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
        event.preventDefault();
        field.current?.focus();
      }
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);
  useEffect(() => {
    if (asked.trim() === "") {
      setHits([]);
      return;
    }
    const timer = setTimeout(() => void api.search(site.value, asked.trim()).then(setHits, () => setHits([])), 150);
    return () => clearTimeout(timer);
  }, [asked]);
  const choose = (hit: Hit): void => {
    if (hit.room !== null) room.value = hit.room;
    selected.value = hit.id;
    if (view.value !== "room" && view.value !== "replay") view.value = "room";
    setAsked("");
  };
  return (
    <form class="search" role="search" onSubmit={(event) => (event.preventDefault(), hits[0] !== undefined && choose(hits[0]))}>
      <input
        ref={field}
        type="search"
        placeholder={`${text.bar.search}  ( / )`}
        aria-label={text.bar.search}
        value={asked}
        onInput={(event) => setAsked(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && setAsked("")}
      />
      {hits.length > 0 && (
        <ul class="hits">
          {hits.map((hit) => (
            <li key={hit.id}>
              <button type="button" class="link" onClick={() => choose(hit)}>
                {hit.name} <small>{hit.kind}</small> <small>{hit.room}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
