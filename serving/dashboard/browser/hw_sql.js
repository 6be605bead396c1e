// The SQL page: a question, its answer, and what can be asked about. Questions go by plain requests, each let in anew.
const DRAFT = "headwater-sql";

export default {
  template: `
    <div class="sql">
      <form class="panel ask" @submit.prevent="run" aria-label="Question in SQL">
        <label for="sql-text">One SELECT in DuckDB's dialect, tables as layer.table</label>
        <textarea id="sql-text" v-model="sql" rows="7" spellcheck="false" autocapitalize="off" autocomplete="off"
                  aria-describedby="sql-limits" @input="remember"
                  @keydown.ctrl.enter.prevent="run" @keydown.meta.enter.prevent="run"></textarea>
        <div class="ask-line">
          <label><span>Read at</span>
            <select v-model="when" name="when">
              <option value="now">Now: the newest snapshots</option><option value="at">A snapshot, tag or time</option>
            </select></label>
          <label v-if="when === 'at'"><span>Which</span>
            <input v-model="at" name="at" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="sql-at"></label>
          <button type="submit" class="go" :aria-disabled="running">Run</button>
          <button type="button" class="stop" @click="stop" :aria-disabled="!running">Stop</button>
          <button type="button" class="plain" @click="example">Example</button>
        </div>
        <p v-if="when === 'at'" id="sql-at" class="note">A time as 2026-11-22T08:00Z for every table; a snapshot's number or a tag for the only one; or by table, dm.kpi_minute=412, dwd.orders=month-end.</p>
        <p id="sql-limits" class="note">{{ view.limits }} Ctrl+Enter runs.</p>
      </form>
      <p class="said" role="status" data-test="said">{{ words }}<span v-if="running" aria-hidden="true"> {{ seconds }} s</span></p>
      <div v-if="wrong" class="panel wrong-sql" role="alert" data-test="wrong">
        <pre>{{ wrong.failed }}</pre>
        <p v-if="wrong.left">{{ wrong.left }}</p>
        <p v-if="wrong.next" class="note">Next: {{ wrong.next }}</p>
      </div>
      <section v-if="answer" class="panel" aria-label="Answer">
        <div class="answer-line">
          <p v-if="answer.snapshots.length" class="note">Read from
            <template v-for="(each, place) in answer.snapshots" :key="each.table"><template v-if="place">, </template><b>{{ each.table }}</b> at snapshot <b data-test="pinned">{{ each.id }}</b><template v-if="each.upTo"> (complete up to <time :datetime="each.upTo">{{ each.upTo }}</time>)</template></template>.
            <button type="button" class="plain link" @click="same">Keep to these snapshots</button></p>
          <p class="links"><a :href="file('csv')" download>Download CSV</a><a :href="file('arrow')" download>Download Arrow</a></p>
        </div>
        <div class="scroller tall" tabindex="0" role="region" aria-label="Rows of the answer">
          <table>
            <caption>Rows<small> · times in UTC</small></caption>
            <thead><tr>
              <th v-for="(column, place) in answer.columns" :key="place" scope="col" :class="{ number: column.numeric }" :aria-sort="sorted(place)">
                <button v-if="column.sortable && answer.rows.length > 1" type="button" class="sort" @click="sort(place)">{{ column.label }} <span aria-hidden="true">{{ mark(place) }}</span></button>
                <template v-else>{{ column.label }}</template>
              </th>
            </tr></thead>
            <tbody>
              <tr v-for="(row, number) in answer.rows" :key="number">
                <td v-for="(text, place) in row" :key="place" :class="{ number: answer.columns[place].numeric }">
                  <span v-if="text === null" class="null">NULL</span><template v-else>{{ text }}</template>
                </td>
              </tr>
            </tbody>
          </table>
        </div>
      </section>
      <details class="panel" @toggle="$event.target.open && look()">
        <summary>Tables and their columns</summary>
        <p v-if="!tables" class="note">Reading …</p>
        <details v-for="table in tables" :key="table.name" class="table">
          <summary>{{ table.name }}</summary>
          <div class="scroller" tabindex="0" role="region" :aria-label="'Columns of ' + table.name"><table>
            <caption>{{ table.name }}</caption>
            <thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
            <tbody><tr v-for="column in table.columns" :key="column[0]">
              <th scope="row">{{ column[0] }}</th><td>{{ column[1] }}</td><td>{{ column[2] }}</td>
            </tr></tbody>
          </table></div>
        </details>
      </details>
    </div>`,
  props: { view: Object },
  data: () => ({ sql: "", when: "now", at: "", words: "", wrong: null, answer: null, tables: null, running: null, seconds: 0 }),
  methods: {
    example() { this.sql = this.view.example; this.remember(); document.getElementById("sql-text").focus(); },
    remember() { try { sessionStorage.setItem(DRAFT, this.sql); } catch { /* this page only */ } },
    file(kind) { return `${this.view.answers}/${this.answer.token}/file.${kind}`; },
    same() {
      this.when = "at";
      this.at = this.answer.snapshots.map((each) => `${each.table}=${each.id}`).join(", ");
    },
    sorted(place) {
      if (this.answer.order?.column !== place) return null;
      return this.answer.order.down ? "descending" : "ascending";
    },
    mark(place) { return { ascending: "▲", descending: "▼" }[this.sorted(place)] || ""; },
    async run() {
      if (this.running) return;
      this.begin("Running …");
      const asked = { sql: this.sql, at: this.when === "at" ? this.at : "" };
      await this.shown(fetch(this.view.answers, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked), signal: this.running.signal,
      }));
    },
    async sort(place) {
      if (this.running) return;
      const down = this.sorted(place) === "ascending";
      const before = this.answer;
      this.begin("Ordering …");
      await this.shown(fetch(`${this.view.answers}/${before.token}?by=${place}&down=${down}`, { signal: this.running.signal }), before);
    },
    begin(words) {
      this.running = Vue.markRaw(new AbortController());
      this.words = words;
      this.wrong = null;
      this.seconds = 0;
      this.ticking = setInterval(() => { this.seconds += 1; }, 1000);
    },
    async shown(asked, before = null) {
      this.answer = before;
      try {
        const told = await (await asked).json();
        this.wrong = told.failed ? told : null;
        this.words = told.failed ? "There is no answer." : told.words;
        if (!told.failed) this.answer = Vue.markRaw(told);
      } catch (error) {
        this.words = error.name === "AbortError" ? "Stopped." : "";
        if (error.name !== "AbortError") this.wrong = { failed: "The dashboard does not answer, or you are not logged in any more.", next: "load this page again" };
      }
      clearInterval(this.ticking);
      this.running = null;
    },
    stop() { this.running?.abort(); },
    async look() {
      if (this.tables) return;
      try {
        this.tables = Vue.markRaw((await (await fetch(this.view.tables)).json()).tables);
      } catch { /* it says that it reads, and is asked again when it is opened again */ }
    },
  },
  mounted() {
    try { this.sql = sessionStorage.getItem(DRAFT) || this.view.example; } catch { this.sql = this.view.example; }
  },
  unmounted() { this.stop(); clearInterval(this.ticking); },
};
