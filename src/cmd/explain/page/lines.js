
/* Attention of the chosen head as lines from the tokens that look to those that are looked at, and
   as a table. */

const LINE_HEIGHT = 20, LINES_WIDTH = 420, LEFT = 150, RIGHT = 270;
const LEAST_LINE = 0.1; /* a line has a weight of so much of the greatest in its row, */
const MOST_LINES = 12;  /* and is one of so many where all rows have lines */
const MOST_ROWS = 12;    /* of the table, where it is not asked for all */

function svgElement(name, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) {
        element.textContent = text;
    }
    return element;
}

/* Short enough for a column, isolated from what is next to it. */
function shortText(id) {
    const characters = Array.from(tokenText(id).replace(/ /g, "\u00a0"));
    return "\u2068" + (characters.length > 16 ? characters.slice(0, 15).join("") + "\u2026" : characters.join("")) + "\u2069";
}

/* Where a row of the chosen head looks, the greatest weight first. */
function weightsOf(row) {
    const weights = [];
    for (let column = 0; column <= row; column++) {
        weights.push({column, weight: weightAt(chosen.layer, chosen.head, row, column)});
    }
    return weights.sort((a, b) => b.weight - a.weight || a.column - b.column);
}

function drawLines() {
    const svg = document.getElementById("lines");
    const all = document.getElementById("all-lines").checked;
    const looking = positionOf(chosen.item);
    const height = LINE_HEIGHT * nTokens + 8;
    svg.setAttribute("viewBox", "0 0 " + LINES_WIDTH + " " + height);
    svg.setAttribute("width", LINES_WIDTH);
    svg.setAttribute("height", height);
    svg.replaceChildren();
    const y = (t) => LINE_HEIGHT * t + 14;
    for (let row = all ? 0 : looking; row <= (all ? nTokens - 1 : looking); row++) {
        const weights = weightsOf(row);
        const least = LEAST_LINE * weights[0].weight;
        weights.slice(0, all ? MOST_LINES : nTokens).filter(({weight}) => weight >= least).forEach(({column, weight}) => {
            svg.append(svgElement("line", {x1: LEFT, y1: y(row), x2: RIGHT, y2: y(column),
                "stroke-width": (4 * weight + 0.5).toFixed(2), "stroke-opacity": (0.3 + 0.7 * weight).toFixed(2)}));
        });
    }
    data.ids.forEach((id, t) => {
        const left = svgElement("text", {x: LEFT - 6, y: y(t) + 4, "text-anchor": "end"}, shortText(id));
        const right = svgElement("text", {x: RIGHT + 6, y: y(t) + 4}, shortText(id));
        left.addEventListener("click", () => choose({item: t + 1}));
        left.classList.toggle("looks", t === looking);
        svg.append(left, right);
    });
    /* Bring the row that looks into sight, without moving the page. */
    const box = svg.parentElement;
    box.scrollTop = y(looking) - box.clientHeight / 2;
}

function drawWeights() {
    const row = positionOf(chosen.item);
    document.getElementById("weights-title").textContent = "Where layer " + chosen.layer + ", head " + chosen.head + " looks";
    const note = document.getElementById("weights-note");
    note.replaceChildren("From ", tokenElement(data.ids[row]), " (token " + (row + 1) + "), "
        + (chosen.item === 0 ? "the first, which sees itself alone."
        : chosen.item < nTokens ? "which is before the chosen token: from there the model foresees it."
        : "the last: from there the model foresees what comes next."));
    const weights = weightsOf(row);
    const body = document.querySelector("#weights tbody");
    body.replaceChildren();
    weights.slice(0, MOST_ROWS).forEach(({column, weight}) => {
        const head = make("th", "", tokenElement(data.ids[column]), make("span", "quiet", " (token " + (column + 1) + ")"));
        head.scope = "row";
        body.append(make("tr", "", head, number(percent(weight)), bar(weight)));
    });
    const rest = weights.slice(MOST_ROWS).reduce((sum, {weight}) => sum + weight, 0);
    if (weights.length > MOST_ROWS) {
        const head = make("th", "quiet", (weights.length - MOST_ROWS) + " others together");
        head.scope = "row";
        body.append(make("tr", "", head, number(percent(rest)), bar(Math.min(rest, 1))));
    }
}
