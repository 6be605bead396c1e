// The chart: one instance for the page's life, whose two lines are replaced in place by every update.
import { echarts } from "nicegui-echart";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default {
  template: `
    <figure class="chart">
      <figcaption>{{ view.label }}<small v-if="!view.why"> · {{ view.names[0] }} and {{ view.names[1] }}, times in {{ zone }}</small></figcaption>
      <p v-if="view.why" class="note">{{ view.why }}</p>
      <div v-show="!view.why" ref="canvas" class="canvas" role="img" :aria-label="words"></div>
    </figure>`,
  props: { view: Object },
  computed: {
    zone() { return this.view.zone || Intl.DateTimeFormat().resolvedOptions().timeZone; },
    words() {
      if (this.view.why) return this.view.why;
      const last = this.view.today[this.view.today.length - 1];
      const other = this.view.other[this.view.other.length - 1];
      return `Line chart of ${this.view.label}. Last: ${last ?? "none"} ${this.view.unit}, ${this.view.names[1]}: ${other ?? "none"}. The table below has the numbers.`;
    },
  },
  watch: { view: { handler() { this.draw(); }, deep: false } },
  methods: {
    clock(at) {
      return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: this.zone }).format(at);
    },
    draw() {
      if (!this.chart || this.view.why) return;
      const ink = colour("--ink-soft"), line = colour("--line"), view = this.view;
      const times = view.today.map((_, place) => view.start + place * view.step);
      const font = Number.parseFloat(getComputedStyle(this.$refs.canvas).fontSize) * 0.8;
      const text = { color: ink, fontSize: font };
      this.chart.setOption({
        animation: false,
        aria: { enabled: false },
        textStyle: { fontFamily: "inherit" },
        grid: { left: 8, right: 12, top: font * 2.6, bottom: 8, containLabel: true },
        legend: { top: 0, left: 0, textStyle: text, itemWidth: 22, icon: "path://M0 4h24v3h-24z", selectedMode: false },
        tooltip: {
          trigger: "axis", confine: true, backgroundColor: colour("--surface"), borderColor: line, textStyle: { color: colour("--ink") },
          formatter: (points) => [this.clock(Number(points[0].axisValue)), ...points.map((point) => `${point.seriesName}: ${point.value ?? "–"} ${this.view.unit}`)].join("<br>"),
        },
        xAxis: {
          type: "category", data: times, boundaryGap: false, axisLine: { lineStyle: { color: line } }, axisTick: { show: false },
          axisLabel: { ...text, hideOverlap: true, formatter: (value) => this.clock(Number(value)) },
        },
        yAxis: { type: "value", axisLabel: { ...text, formatter: (value) => `${value.toLocaleString("en-GB")}${view.unit === "%" ? " %" : ""}` }, splitLine: { lineStyle: { color: line } }, splitNumber: 4 },
        series: [
          { id: "other", name: view.names[1], type: "line", showSymbol: false, data: view.other, lineStyle: { color: colour("--other"), width: 1.5, type: "dashed" }, itemStyle: { color: colour("--other") } },
          { id: "today", name: view.names[0], type: "line", showSymbol: false, data: view.today, lineStyle: { color: colour("--accent"), width: 2.5 }, itemStyle: { color: colour("--accent") } },
        ],
      });
    },
  },
  async mounted() {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.chart = Vue.markRaw(echarts.init(this.$refs.canvas, null, { renderer: "svg" }));
    this.sizes = new ResizeObserver(() => this.chart.resize());
    this.sizes.observe(this.$refs.canvas);
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.system.addEventListener("change", this.redraw);
    window.addEventListener("headwater-theme", this.redraw);
    this.draw();
  },
  unmounted() {
    this.sizes?.disconnect();
    this.system?.removeEventListener("change", this.redraw);
    window.removeEventListener("headwater-theme", this.redraw);
    this.chart?.dispose();
  },
};
