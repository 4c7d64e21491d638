
"use strict";
/* The data of the page, and how its numbers and tokens are shown. Nothing of it is ever made HTML:
   texts become text nodes. */

const data = JSON.parse(document.getElementById("data").textContent);
const nTokens = data.ids.length;

/* Bytes of base64. */
function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
        bytes[i] = text.charCodeAt(i);
    }
    return bytes;
}
const weightBytes = bytesOf(data.weights);
const scaleBytes = bytesOf(data.scales);
const mapSize = nTokens * (nTokens + 1) / 2;

/* The weight with which position `row` looks at position `column` <= row. */
function weightAt(layer, head, row, column) {
    const map = layer * data.heads + head;
    const at = 2 * (map * nTokens + row);
    const scale = (scaleBytes[at] + 256 * scaleBytes[at + 1]) / 65535;
    return weightBytes[map * mapSize + row * (row + 1) / 2 + column] / 255 * scale;
}

/* An element with a class, texts and elements in it. */
function make(name, className, ...children) {
    const element = document.createElement(name);
    if (className) {
        element.className = className;
    }
    element.append(...children);
    return element;
}

function number(cellText) {
    return make("td", "number", cellText);
}

function percent(p) {
    const x = 100 * p;
    return x >= 9.95 ? x.toFixed(0) + " %" : x >= 0.995 ? x.toFixed(1) + " %"
        : x >= 0.01 ? x.toFixed(2) + " %" : "< 0.01 %";
}

function bitsOf(logprob) {
    return -logprob / Math.LN2;
}

/* A bar whose length is a share of all there is room for. */
function bar(share) {
    const element = make("div", "bar");
    element.style.width = 100 * share + "%";
    return make("td", "wide", element);
}

/* ---- tokens ---- */

/* What is not seen, or would move what is next to it, as a sign; what joins emoji and letters stays. */
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

function signOf(character) {
    const code = character.codePointAt(0);
    return character === "\n" ? "\u21b5" : character === "\t" ? "\u21e5"
        : code < 0x20 ? String.fromCodePoint(0x2400 + code)
        : "U+" + code.toString(16).toUpperCase().padStart(4, "0");
}

/* Append text to an element, signs in small print. */
function appendText(element, text) {
    let plain = "";
    for (const character of text) {
        if (!unseen.test(character)) {
            plain += character;
            continue;
        }
        element.append(plain, make("span", "sign", signOf(character)));
        plain = "";
    }
    element.append(plain);
}

/* Bytes that are no character by themselves: "F0 9F". */
function hexOf(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
}

/* A token by itself, quoted by its background. */
function tokenElement(id) {
    const element = document.createElement("bdi");
    element.className = "token";
    const piece = data.pieces[id];
    if (piece === undefined) {
        element.append(make("span", "sign", "#" + id));
    } else if (typeof piece === "string") {
        appendText(element, piece);
    } else {
        element.append(make("span", "sign", hexOf(piece)));
    }
    return element;
}

/* The same as plain text, for labels and drawings. */
function tokenText(id) {
    const piece = data.pieces[id];
    if (piece === undefined) {
        return "#" + id;
    }
    if (typeof piece !== "string") {
        return "bytes " + hexOf(piece);
    }
    if (/^ +$/.test(piece)) {
        return piece.length === 1 ? "(blank)" : "(" + piece.length + " blanks)";
    }
    return Array.from(piece, (c) => unseen.test(c) ? signOf(c) : c).join("");
}

/* What is chosen: `item` is a token of the text, 1 ... nTokens - 1 those that are foreseen,
   nTokens what would come next. What the model says of it, it says at the position before it. */
const chosen = {item: 0, layer: 0, head: 0};
function positionOf(item) {
    return item === 0 ? 0 : item - 1;
}
const redraw = []; /* functions to be called when something else is chosen */
function choose(change) {
    Object.assign(chosen, change);
    redraw.forEach((draw) => draw());
}
