// A heading with a few sentences below it, and where they lead.
export default {
  template: `
    <div class="words">
      <component :is="view.level || 'h1'" v-if="view.heading">{{ view.heading }}</component>
      <p v-if="view.back" class="back"><a :href="view.back.href">‹ {{ view.back.label }}</a></p>
      <p v-for="(sentence, place) in view.sentences" :key="place" :class="{ lead: place === 0 && view.lead }">{{ sentence }}</p>
      <p v-if="view.links && view.links.length" class="links">
        <a v-for="link in view.links" :key="link.href" :href="link.href">{{ link.label }}</a>
      </p>
    </div>`,
  props: { view: Object },
};
