
/* The text as a list to choose from, and what the model expected in the chosen place. */

const levels = [0, 1, 3, 6, 10]; /* bits from which on a surprise has the color s0, s1, ... */
function levelOf(bits) {
    return levels.filter((level) => bits >= level).length - 1;
}

const textBox = document.getElementById("text");
const items = [];

/* The token's share of the text: a character belongs to the token that has its last byte; one that
   ends none is a small square. */
const CUT = "\u25ab";
function pieceDecoder() {
    const decoder = new TextDecoder();
    const encoder = new TextEncoder();
    return (element, id) => {
        const piece = data.pieces[id];
        if (piece === undefined) {
            element.append(make("span", "sign", "#" + id));
            return "";
        }
        const bytes = typeof piece === "string" ? encoder.encode(piece) : new Uint8Array(piece);
        const text = decoder.decode(bytes, {stream: true});
        if (text === "") {
            element.append(make("span", "sign", CUT));
        }
        appendText(element, text);
        if (text.includes("\n")) {
            element.append("\n");
        }
        return text;
    };
}

/* Whether a text runs from right to left: whether its first letter does. */
function isRightToLeft(text) {
    const letter = text.match(/\p{L}/u);
    return letter !== null && /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(letter[0]);
}

function addItem(element, label) {
    const index = items.length;
    element.setAttribute("role", "option");
    element.setAttribute("aria-label", label);
    element.title = label;
    element.tabIndex = -1;
    element.addEventListener("click", () => choose({item: index}));
    items.push(element);
    textBox.append(element);
}

function fillText() {
    const show = pieceDecoder();
    let text = "";
    data.ids.forEach((id, t) => {
        const element = document.createElement("span");
        let label = tokenText(id) + ", token " + (t + 1) + " of " + nTokens;
        if (t > 0) {
            const bits = bitsOf(data.logprobs[t]);
            element.className = "s" + levelOf(bits);
            label += ", " + bits.toFixed(1) + " bits, " + percent(Math.exp(data.logprobs[t]));
        } else {
            element.className = "s0";
        }
        text += show(element, id);
        addItem(element, label);
    });
    addItem(make("span", "s0 next", "next\u2026"), "what would come next");
    textBox.dir = isRightToLeft(text) ? "rtl" : "ltr";
}

/* The item whose middle is nearest in the line above or below. */
function inOtherLine(index, down) {
    const from = items[index].getBoundingClientRect();
    const middle = (box) => box.left + box.width / 2;
    let best = index, bestDistance = Infinity;
    items.forEach((item, i) => {
        const box = item.getBoundingClientRect();
        const lines = (down ? box.top - from.top : from.top - box.top) / from.height;
        const distance = Math.abs(middle(box) - middle(from)) + 10000 * Math.round(lines);
        if (lines > 0.5 && distance < bestDistance) {
            best = i;
            bestDistance = distance;
        }
    });
    return best;
}

function onTextKey(event) {
    const forward = textBox.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = textBox.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    let item = chosen.item;
    switch (event.key) {
    case forward: item = Math.min(item + 1, items.length - 1); break;
    case back: item = Math.max(item - 1, 0); break;
    case "ArrowDown": item = inOtherLine(item, true); break;
    case "ArrowUp": item = inOtherLine(item, false); break;
    case "Home": item = 0; break;
    case "End": item = items.length - 1; break;
    default: return;
    }
    event.preventDefault();
    choose({item});
    items[item].focus();
}

function drawChosenItem() {
    items.forEach((element, i) => {
        element.setAttribute("aria-selected", String(i === chosen.item));
        element.tabIndex = i === chosen.item ? 0 : -1;
    });
}

/* ---- what was expected ---- */

function drawExpected() {
    const item = chosen.item;
    const note = document.getElementById("expected-note");
    const body = document.querySelector("#expected tbody");
    document.getElementById("expected").hidden = item === 0;
    body.replaceChildren();
    note.replaceChildren();
    if (item === 0) {
        note.append(tokenElement(data.ids[0]),
            " is the first token: nothing is before it, so the model says nothing about it.");
        return;
    }
    const actual = item < nTokens ? data.ids[item] : -1;
    if (item < nTokens) {
        note.append(tokenElement(actual), ": probability " + percent(Math.exp(data.logprobs[item]))
            + ", surprise " + bitsOf(data.logprobs[item]).toFixed(2) + " bits, rank " + data.ranks[item] + ".");
    } else {
        note.append("After the text the model would go on with one of these.");
    }
    const top = data.top[item - 1];
    for (let i = 0; i < top.length; i += 2) {
        const p = Math.exp(top[i + 1]);
        const head = make("th", "", tokenElement(top[i]));
        head.scope = "row";
        if (top[i] === actual) {
            head.append(" \u2190 it came");
        }
        body.append(make("tr", top[i] === actual ? "actual" : "", head, number(percent(p)), bar(p)));
    }
}

function fillLegend() {
    const legend = document.getElementById("legend");
    levels.forEach((level, i) => {
        const next = levels[i + 1];
        legend.append(make("li", "s" + i, next === undefined ? level + " bits or more" : level + " to " + next + " bits"));
    });
    if (textBox.textContent.includes(CUT)) {
        legend.append(make("li", "s0", CUT + " bytes of a character that a later token ends"));
    }
}

function fillAbout() {
    let bits = 0;
    data.logprobs.slice(1).forEach((logprob) => bits += bitsOf(logprob));
    const n = nTokens - 1;
    document.getElementById("about").append("Model ", make("strong", "", data.model), ", " + data.layers
        + " layers of " + data.heads + " heads. " + nTokens + (nTokens === 1 ? " token" : " tokens")
        + (n > 0 ? "; but for the first " + bits.toFixed(1) + " bits in all, " + (bits / n).toFixed(2)
        + " each, perplexity " + Math.pow(2, bits / n).toPrecision(4) + "." : "."));
}
