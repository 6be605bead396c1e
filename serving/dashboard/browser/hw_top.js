// The page's banner: where one is, how old the numbers are, whether the connection stands, light or dark.
const clock = (at, zone) => {
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  if (zone) options.timeZone = zone;
  return new Intl.DateTimeFormat("en-GB", options).format(at);
};

const ago = (milliseconds) => {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor(seconds / 60) % 60).padStart(2, "0")} min`;
};

const THEMES = ["auto", "light", "dark"];

export default {
  template: `
    <header class="top">
      <a class="skip" href="#main">Skip to the numbers</a>
      <div class="top-line">
        <p class="brand">{{ view.title }}</p>
        <nav v-if="!view.wall" aria-label="Pages">
          <a v-for="page in view.pages" :key="page.label" :href="page.href"
             :aria-current="page.current ? 'page' : null">{{ page.label }}</a>
        </nav>
        <div class="top-tools" v-if="!view.wall">
          <button type="button" class="plain" @click="turn" :aria-label="'Colours: ' + theme + '. Change'">
            <span aria-hidden="true">{{ { auto: "◐", light: "○", dark: "●" }[theme] }}</span> {{ theme }}
          </button>
          <a class="plain" :href="view.wallHref">Large screen</a>
          <form v-if="view.user" method="post" action="/logout">
            <span class="user">{{ view.user }}</span> <button class="plain" type="submit">Log out</button>
          </form>
        </div>
      </div>
      <p class="as-of" :class="{ old: view.stale || lost }">
        <template v-if="view.upTo">
          <span>Complete up to <time :datetime="iso(view.upTo)">{{ clock(view.upTo) }}</time>
          <template v-if="view.zone"> ({{ clock(view.upTo, view.zone) }} in {{ view.zone }})</template></span>
          <span>{{ ago(now - view.upTo) }} ago</span>
          <span>snapshot <b data-test="snapshot">{{ view.snapshot }}</b> of {{ view.table }}</span>
          <span>your zone: {{ mine }}</span>
        </template>
        <span v-else>No numbers yet</span>
      </p>
      <p class="stale" role="status" data-test="stale">{{ view.words }}</p>
      <p class="lost" role="alert" data-test="lost">{{ lost }}</p>
    </header>`,
  props: { view: Object },
  emits: ["seen"],
  data: () => ({ now: Date.now(), lost: "", theme: "auto", mine: Intl.DateTimeFormat().resolvedOptions().timeZone }),
  methods: {
    clock, ago,
    iso: (at) => new Date(at).toISOString(),
    turn() {
      this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
      try { localStorage.setItem("headwater-theme", this.theme); } catch { /* remembered for this page only */ }
      document.documentElement.dataset.theme = this.theme;
      window.dispatchEvent(new Event("headwater-theme"));
    },
    watchSocket() {
      if (!window.socket) return void (this.waiting = setTimeout(this.watchSocket, 50));
      window.socket.on("disconnect", () => {
        this.lost = `Connection lost: the numbers stand still since ${clock(Date.now())}. Trying again…`;
      });
      window.socket.on("connect", () => { this.lost = ""; });
    },
    tellSeen() { this.$emit("seen", !document.hidden); },
  },
  mounted() {
    this.theme = document.documentElement.dataset.theme || "auto";
    this.ticking = setInterval(() => { if (!document.hidden) this.now = Date.now(); }, 1000);
    document.addEventListener("visibilitychange", this.tellSeen);
    this.watchSocket();
  },
  unmounted() {
    clearInterval(this.ticking);
    clearTimeout(this.waiting);
    document.removeEventListener("visibilitychange", this.tellSeen);
  },
};
