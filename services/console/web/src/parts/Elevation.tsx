// A rack from the front: its units from the bottom up, and in them the servers, coloured by what they do.
import type { Thing } from "../api";
import { number, selected } from "../store";
import { text } from "../text";
import { shown } from "../room/Tip";

const ROW = 15;

export function Elevation({ rack, servers }: { rack: Thing; servers: Thing[] }) {
  const height = Number(rack.attributes["uHeight"] ?? 42);
  const y = (unit: number): number => (height - unit) * ROW;
  return (
    <svg class="elevation" viewBox={`0 0 220 ${height * ROW + 4}`} role="group" aria-label={`${text.rack.elevation} ${rack.name}`}>
      <rect class="frame" x={26} y={1} width={192} height={height * ROW + 2} />
      {Array.from({ length: height }, (_, i) => i + 1).map((unit) => (
        <g key={unit}>
          <line x1={26} x2={218} y1={y(unit) + 2} y2={y(unit) + 2} />
          {(unit === 1 || unit % 5 === 0) && (
            <text class="u" x={20} y={y(unit) + ROW - 2}>
              {unit}
            </text>
          )}
        </g>
      ))}
      {servers.map((server) => {
        const bottom = Number(server.attributes["position"] ?? 1);
        const tall = Math.max(1, Number(server.attributes["uHeight"] ?? 1));
        const load = number(server, "cpu", "utilization");
        const label = `${server.name}: ${text.rack.u}${bottom}, ${text.server.cpu} ${shown(load, 0, "%")}`;
        return (
          <g
            key={server.id}
            role="button"
            tabindex={0}
            aria-label={label}
            class="server"
            onClick={() => (selected.value = server.id)}
            onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && (selected.value = server.id)}
          >
            <title>{label}</title>
            <rect x={28} y={y(bottom + tall - 1) + 3} width={188} height={tall * ROW - 2} rx={2} />
            <rect class="load" x={28} y={y(bottom + tall - 1) + 3} width={(188 * Math.min(100, load ?? 0)) / 100} height={tall * ROW - 2} rx={2} />
            <text x={34} y={y(bottom) + ROW - 2}>
              {server.name}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
