// The filters: the browser's own controls, so that keyboards, phones and screen readers know them.
export default {
  template: `
    <form class="choices" @submit.prevent role="search" aria-label="What is shown">
      <template v-for="field in view.fields" :key="field.key">
        <details v-if="field.chosen" class="ticks" :data-filter="field.name" @keydown.esc="close" @focusout="left">
          <summary><span>{{ field.label }}</span> <b>{{ field.said }}</b></summary>
          <fieldset>
            <legend class="hidden">{{ field.label }}</legend>
            <label v-for="option in field.options" :key="option[0]">
              <input type="checkbox" :name="field.name" :value="option[0]" :checked="field.chosen.includes(option[0])"
                     @change="$emit('tick', { name: field.name, value: option[0], on: $event.target.checked })"> {{ option[1] }}</label>
            <button type="button" class="plain" @click="$emit('choose', { name: field.name, value: '' })">All</button>
          </fieldset>
        </details>
        <label v-else>
          <span>{{ field.label }}</span>
          <input v-if="field.date" type="date" :name="field.name" :value="field.value" :min="field.min" :max="field.max"
                 @change="$emit('choose', { name: field.name, value: $event.target.value })">
          <select v-else :name="field.name" :value="field.value"
                  @change="$emit('choose', { name: field.name, value: $event.target.value })">
            <option v-for="option in field.options" :key="option[0]" :value="option[0]">{{ option[1] }}</option>
          </select>
        </label>
      </template>
    </form>`,
  props: { view: Object },
  emits: ["choose", "tick"],
  methods: {
    close(event) {
      event.currentTarget.open = false;
      event.currentTarget.querySelector("summary").focus();
    },
    // A list of ticks lies over the page: it goes when one goes on from it.
    left(event) { if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false; },
  },
};
