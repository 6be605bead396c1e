// A card for each measure. Choosing one makes the chart and the tables about it.
import { path } from "hw_spark";

export default {
  template: `
    <div class="cards">
      <button v-for="card in view.cards" :key="card.name" type="button" class="card" :aria-pressed="card.name === chosen"
              :title="card.description" :data-measure="card.name" :data-exact="card.exact" :data-other="card.other"
              @click="$emit('choose', { name: 'measure', value: card.name })">
        <span class="card-label">{{ card.label }}</span>
        <span class="card-value">{{ card.value }}</span>
        <span class="card-change" :class="card.tone" v-if="card.change">
          <span aria-hidden="true">{{ { up: "▲", down: "▼", even: "■" }[card.direction] }}</span> {{ card.change }}
        </span>
        <span class="card-note">{{ card.note }}</span>
        <svg v-if="card.spark.length" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><path :d="path(card.spark)"/></svg>
      </button>
    </div>`,
  props: { view: Object, chosen: String },
  emits: ["choose"],
  methods: { path },
};
