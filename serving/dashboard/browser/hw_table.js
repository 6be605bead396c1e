// A table. Its rows are patched in place, so that the keyboard's focus stays where it is when numbers change.
import { path } from "hw_spark";

const MARKS = { up: "▲", down: "▼", even: "■" };

export default {
  template: `
    <div class="scroller" tabindex="0" role="region" :aria-label="view.caption">
      <table v-if="view.rows.length">
        <caption>{{ view.caption }}</caption>
        <thead><tr>
          <th v-for="column in view.columns" :key="column.key" scope="col" :class="{ number: column.numeric }">{{ column.label }}</th>
        </tr></thead>
        <tbody>
          <tr v-for="row in view.rows" :key="row.id" :data-row="row.id">
            <component v-for="(column, place) in view.columns" :key="column.key" :is="place ? 'td' : 'th'"
                       :scope="place ? null : 'row'" :class="[column.numeric ? 'number' : '', row.cells[column.key].tone || '']"
                       :data-cell="column.key">
              <a v-if="row.cells[column.key].href" :href="row.cells[column.key].href">{{ row.cells[column.key].text }}</a>
              <time v-else-if="row.cells[column.key].time !== undefined">{{ clock(row.cells[column.key]) }}</time>
              <svg v-else-if="row.cells[column.key].spark" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><path :d="path(row.cells[column.key].spark)"/></svg>
              <template v-else>
                <span v-if="row.cells[column.key].bar !== undefined" class="bar" aria-hidden="true"><i :style="bar(row.cells[column.key].bar)"></i></span>
                <span v-if="marked(row.cells[column.key])" aria-hidden="true">{{ marked(row.cells[column.key]) }}</span>
                {{ row.cells[column.key].text }}
              </template>
              <small v-if="row.cells[column.key].small">{{ row.cells[column.key].small }}</small>
            </component>
          </tr>
        </tbody>
      </table>
      <div v-else><p class="caption">{{ view.caption }}</p><p class="note">{{ view.empty }}</p></div>
    </div>`,
  props: { view: Object },
  methods: {
    path,
    marked: (cell) => (cell.text !== "–" && MARKS[cell.direction]) || "",
    bar: (size) => (size < 0 ? { right: "50%", width: `${-size * 50}%` } : { left: "50%", width: `${size * 50}%` }),
    clock(cell) {
      const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
      if (cell.zone) options.timeZone = cell.zone;
      return new Intl.DateTimeFormat("en-GB", options).format(cell.time);
    },
  },
};
