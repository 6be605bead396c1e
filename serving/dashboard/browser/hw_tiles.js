// The market grid: a tile for each market, which leads down to it. By name, or the most changed first.
import { path } from "hw_spark";

const KEY = "headwater-tiles";
const ORDERS = { name: "By name", change: "Most changed first" };

export default {
  template: `
    <div><section v-if="view.tiles.length" class="panel" :aria-label="view.caption">
      <div class="tiles-line">
        <h2>{{ view.caption }} <small>{{ view.about }}</small></h2>
        <label v-if="!isWall" class="tiles-order"><span>Order</span>
          <select name="order" v-model="order" @change="remember">
            <option v-for="(label, name) in orders" :key="name" :value="name">{{ label }}</option>
          </select></label>
      </div>
      <ul class="tiles" ref="tiles">
        <li v-for="tile in ordered" :key="tile.id">
          <a class="tile" :class="{ 'is-old': tile.old }" :href="tile.href" :data-tile="tile.id">
            <span class="tile-name">{{ tile.name }}</span>
            <span class="tile-value">{{ tile.value }}</span>
            <span class="tile-change" :class="tile.tone"><template v-if="tile.change"><span aria-hidden="true">{{ marks[tile.direction] }}</span>
              {{ tile.change }} <small>{{ words[tile.direction] }}</small></template><small v-else>nothing to compare</small></span>
            <svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><path :d="path(tile.spark)"/></svg>
            <span class="tile-clock">{{ tile.clock }}<b v-if="tile.old"> · <span aria-hidden="true">⚠ </span>{{ tile.old }}</b></span>
          </a>
        </li>
      </ul>
    </section></div>`,
  props: { view: Object },
  data: () => ({
    order: "name", ids: [], orders: ORDERS, isWall: document.documentElement.classList.contains("wall"),
    marks: { up: "▲", down: "▼", even: "■" }, words: { up: "more", down: "less", even: "as it was" },
  }),
  computed: {
    ordered() {
      const known = Object.fromEntries(this.view.tiles.map((tile) => [tile.id, tile]));
      return this.ids.filter((id) => known[id]).map((id) => known[id]);
    },
  },
  watch: { view: { handler() { this.rank(); }, deep: false }, order() { this.rank(true); } },
  methods: {
    path,
    // A tile that has the keyboard's focus would lose it if it were moved: then the order waits.
    rank(isAsked = false) {
      const tiles = [...this.view.tiles];
      const isSame = tiles.length === this.ids.length && tiles.every((tile) => this.ids.includes(tile.id));
      if (isSame && !isAsked && this.$refs.tiles?.contains(document.activeElement)) return;
      if (this.order === "change") tiles.sort((a, b) => Math.abs(b.by ?? 0) - Math.abs(a.by ?? 0));
      this.ids = tiles.map((tile) => tile.id);
    },
    remember() { try { localStorage.setItem(KEY, this.order); } catch { /* for this page only */ } },
  },
  created() {
    let order = new URLSearchParams(location.search).get("order");
    try { order ||= localStorage.getItem(KEY); } catch { /* by name */ }
    if (ORDERS[order]) this.order = order;
    this.rank(true);
  },
};
