// Hands the files that the server made to the person; a page that is drawn again saves nothing twice.
watch("value", () => {
  const { name, type, content } = props.value ?? {};
  if (name) download(Uint8Array.from(atob(content), (character) => character.charCodeAt(0)), name, type);
});
