// A chosen result of the history, or two side by side. Comes after _page.js and before _history_stage.js, which acts.
// Text of people and models goes through textContent only, never through HTML.
const tabOf = (kind) => kind.charAt(0).toUpperCase() + kind.slice(1);
const nameOf = (entry) => entry.title || `${tabOf(entry.kind)} without a title`;
const when = (entry) => new Date(entry.made * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** What came of it: pictures, moving ones too, and texts. */
function resultsOf(entry) {
  const box = make("div", "past-results");
  for (const { name, type, content } of entry.files) {
    if (!type.startsWith("image/")) continue;
    const image = make("img");
    image.src = content;
    image.alt = `${nameOf(entry)}: ${name}`;
    box.append(image);
  }
  for (const text of entry.texts) {
    const story = make("p", "story", text);
    story.tabIndex = 0; // it scrolls
    box.append(story);
  }
  if (entry.broken) box.append(make("p", "caption", entry.broken));
  return box;
}

function settingsOf(entry) {
  const list = make("dl", "past-settings");
  for (const [label, value] of entry.settings) list.append(make("dt", "", label), make("dd", "", value));
  return list;
}

function takeHome(entry) {
  if (!entry.files.length) {
    const blob = entry.texts.join("\n\n* * *\n\n");
    return [button("Save the text", "quiet", () => download(blob, `${entry.kind}-${entry.id.slice(0, 8)}.txt`, "text/plain"))];
  }
  return entry.files.map(({ name, type, content }) =>
    button(entry.files.length > 1 ? `Save ${name}` : "Save the file", "quiet", () => {
      const bytes = Uint8Array.from(atob(content.slice(content.indexOf(",") + 1)), (character) => character.charCodeAt(0));
      download(bytes, name, type);
    }),
  );
}

function openIn(entry) {
  const open = button(`Open in the ${tabOf(entry.kind)} tab`, "quiet strong", () => {
    window.location.search = entry.query;
  });
  open.title = "All its settings, ready to run; the page is loaded anew";
  open.disabled = !entry.query;
  return open;
}

function shareOf(entry) {
  const link = entry.query && `${location.origin}${location.pathname}?${entry.query}`;
  const result = { link, no_link: entry.no_query };
  const saves = () => (entry.files.length ? takeHome(entry) : []); // a text that is saved has no settings in it
  const share = button("Share", "quiet", () => openShare({ what: "this result", result, saves: saves() }));
  share.title = "A link, a QR code and code that make the same anywhere";
  return share;
}

function headOf(entry) {
  const head = make("h2", "", nameOf(entry));
  return [head, make("p", "caption", `${tabOf(entry.kind)} · ${when(entry)}`)];
}

/** @param actions of the list: star, remove, pair, close; each makes a button. */
function drawOne(entry, actions) {
  const row = make("div", "actions");
  row.append(openIn(entry), ...takeHome(entry), shareOf(entry), ...actions);
  const why = entry.no_query ? [make("p", "caption", entry.no_query)] : [];
  part("look").replaceChildren(...headOf(entry), resultsOf(entry), row, ...why, settingsOf(entry));
}

function drawPair({ sides, differences }, close) {
  const pair = make("div", "past-pair");
  for (const entry of sides) {
    const side = make("div", "past-side");
    side.append(...headOf(entry), resultsOf(entry), openIn(entry));
    pair.append(side);
  }
  const said = differences.length ? "Settings that differ" : "All settings are the same.";
  const row = make("div", "actions");
  row.append(close);
  part("look").replaceChildren(pair, make("h3", "", said), tableOf(differences), row);
}

function tableOf(differences) {
  const scroll = make("div", "past-scroll");
  const table = make("table", "past-differences");
  for (const [label, ...values] of differences) {
    const line = make("tr");
    const head = make("th", "", label);
    head.scope = "row";
    line.append(head, ...values.map((value) => make("td", "", value)));
    table.append(line);
  }
  if (differences.length) scroll.append(table);
  return scroll;
}
