// A line chart by uPlot: aligned columns in, one canvas out, redrawn when they change.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../theme";

export interface Line {
  label: string;
  colour: string;
  points: [number, number | null][];
  dash?: boolean;
  // Fill down to the line with this index: an interval.
  fillTo?: number;
}

export function Chart({ lines, unit, height = 150, label }: { lines: Line[]; unit: string; height?: number; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = place.current!;
    const ink = theme.value === "dark" ? "#b6c2ce" : "#3b4652";
    const grid = { stroke: theme.value === "dark" ? "#2b3641" : "#d5dce2", width: 1 };
    const options: uPlot.Options = {
      width: host.clientWidth || 320,
      height,
      legend: { live: true },
      cursor: { y: false },
      scales: { x: { time: true } },
      axes: [
        { stroke: ink, grid, size: 32 },
        { stroke: ink, grid, size: 52, values: (_chart, ticks) => ticks.map((each) => `${each}${unit === "°C" ? "°" : ""}`) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: `${line.label} (${unit})`,
          stroke: line.colour,
          width: 1.5,
          spanGaps: false,
          points: { show: false },
          ...(line.dash ? { dash: [6, 4] } : {}),
        })),
      ],
      bands: lines.flatMap((line, index) => (line.fillTo === undefined ? [] : [{ series: [index + 1, line.fillTo + 1] as [number, number], fill: `${line.colour}33` }])),
    };
    const chart = new uPlot(options, columns(lines), host);
    const watch = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [lines, theme.value, height, unit]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function columns(lines: Line[]): uPlot.AlignedData {
  const tables = lines.map((line) => [line.points.map(([at]) => at / 1000), line.points.map(([, value]) => value)] as uPlot.AlignedData);
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}
