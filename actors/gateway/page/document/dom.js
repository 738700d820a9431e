// What strangers wrote reaches the document only through el, put and
// setAttribute of harmless attributes: as text.

const $ = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

function svg(tag, attributes, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// put sets a text, and spares the browser what has not changed.
function put(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// mark sets a data attribute in the same way.
function mark(e, name, value) {
  if (e.dataset[name] !== value) e.dataset[name] = value;
}

// order has parent hold the children in this order, and the focus stay where
// it was: an element that moves would lose it.
function order(parent, children) {
  const focused = document.activeElement;
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
  if (focused !== document.activeElement && focused.isConnected) focused.focus({preventScroll: true});
}

