// The filters: the browser's own controls, so that keyboards, phones and screen readers know them.
export default {
  template: `
    <form class="choices" @submit.prevent role="search" aria-label="What is shown">
      <label v-for="field in view.fields" :key="field.key">
        <span>{{ field.label }}</span>
        <input v-if="field.date" type="date" :name="field.name" :value="field.value" :min="field.min" :max="field.max"
               @change="$emit('choose', { name: field.name, value: $event.target.value })">
        <select v-else :name="field.name" :value="field.value"
                @change="$emit('choose', { name: field.name, value: $event.target.value })">
          <option v-for="option in field.options" :key="option[0]" :value="option[0]">{{ option[1] }}</option>
        </select>
      </label>
    </form>`,
  props: { view: Object },
  emits: ["choose"],
};
