
/* Attention as maps: a small one for each head, to choose from, and the chosen one large. */

/* Red, green and blue of a color variable of the page. */
function colorOf(name) {
    const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
}

/* Of no and of all attention: those of the page, or while it is printed those of paper. */
const PAPER = {none: [255, 255, 255], all: [29, 78, 216]};
let isPrinting = false;
function mapColors() {
    return isPrinting ? PAPER : {none: colorOf("--page"), all: colorOf("--accent")};
}

/* A map of size * size pixels, each with the greatest of the weights that fall on it. */
function drawMap(canvas, layer, head, size, colors) {
    const greatest = new Float32Array(size * size);
    for (let row = 0; row < nTokens; row++) {
        const y = Math.floor(row * size / nTokens) * size;
        for (let column = 0; column <= row; column++) {
            const at = y + Math.floor(column * size / nTokens);
            greatest[at] = Math.max(greatest[at], weightAt(layer, head, row, column));
        }
    }
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    const image = context.createImageData(size, size);
    greatest.forEach((weight, at) => {
        const shade = Math.sqrt(Math.min(weight, 1));
        for (let i = 0; i < 3; i++) {
            image.data[4 * at + i] = colors.none[i] + (colors.all[i] - colors.none[i]) * shade;
        }
        image.data[4 * at + 3] = 255;
    });
    context.putImageData(image, 0, 0);
}

const headButtons = []; /* [layer * heads + head] */
const SMALL_MAP = 96;   /* pixels that a small map has at most */

function drawHeads() {
    const colors = mapColors();
    headButtons.forEach((button, i) => {
        drawMap(button.firstChild, Math.floor(i / data.heads), i % data.heads, Math.min(nTokens, SMALL_MAP), colors);
    });
}

function fillHeads() {
    const grid = document.getElementById("heads");
    grid.style.setProperty("--heads", data.heads);
    grid.append(make("span", ""));
    for (let head = 0; head < data.heads; head++) {
        grid.append(make("span", "quiet", "head " + head));
    }
    for (let layer = 0; layer < data.layers; layer++) {
        grid.append(make("span", "quiet", "layer " + layer));
        for (let head = 0; head < data.heads; head++) {
            const button = make("button", "", document.createElement("canvas"));
            button.type = "button";
            button.setAttribute("role", "radio");
            button.setAttribute("aria-label", "layer " + layer + ", head " + head);
            button.addEventListener("click", () => choose({layer, head}));
            headButtons.push(button);
            grid.append(button);
        }
    }
    grid.addEventListener("keydown", onHeadKey);
}

function onHeadKey(event) {
    let {layer, head} = chosen;
    switch (event.key) {
    case "ArrowRight": head = Math.min(head + 1, data.heads - 1); break;
    case "ArrowLeft": head = Math.max(head - 1, 0); break;
    case "ArrowDown": layer = Math.min(layer + 1, data.layers - 1); break;
    case "ArrowUp": layer = Math.max(layer - 1, 0); break;
    case "Home": head = 0; break;
    case "End": head = data.heads - 1; break;
    default: return;
    }
    event.preventDefault();
    choose({layer, head});
    headButtons[layer * data.heads + head].focus();
}

function drawChosenHead() {
    headButtons.forEach((button, i) => {
        const is = i === chosen.layer * data.heads + chosen.head;
        button.setAttribute("aria-checked", String(is));
        button.tabIndex = is ? 0 : -1;
    });
    document.getElementById("head-title").textContent = "Layer " + chosen.layer + ", head " + chosen.head;
    drawLargeMap();
}

/* With a line from the row of the chosen position to the edge. */
function drawLargeMap() {
    const canvas = document.getElementById("map");
    drawMap(canvas, chosen.layer, chosen.head, nTokens, mapColors());
    const row = positionOf(chosen.item);
    const context = canvas.getContext("2d");
    const [r, g, b] = colorOf("--against");
    context.fillStyle = "rgb(" + r + " " + g + " " + b + " / 30%)";
    context.fillRect(row + 1, row, nTokens - row - 1, 1);
}

/* Row and column under the mouse, or NULL above the diagonal. */
function pointedAt(event) {
    const box = event.target.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / box.height * nTokens);
    const column = Math.floor((event.clientX - box.left) / box.width * nTokens);
    return row >= 0 && row < nTokens && column >= 0 && column <= row ? {row, column} : null;
}

function fillLargeMap() {
    const canvas = document.getElementById("map");
    const note = document.getElementById("map-note");
    const help = note.textContent;
    canvas.addEventListener("mousemove", (event) => {
        const at = pointedAt(event);
        note.replaceChildren();
        if (at === null) {
            note.append(help);
            return;
        }
        note.append(tokenElement(data.ids[at.row]), " (" + (at.row + 1) + ") looks at ",
            tokenElement(data.ids[at.column]), " (" + (at.column + 1) + ") with "
            + percent(weightAt(chosen.layer, chosen.head, at.row, at.column)));
    });
    canvas.addEventListener("mouseleave", () => note.replaceChildren(help));
    canvas.addEventListener("click", (event) => {
        const at = pointedAt(event);
        if (at !== null) {
            choose({item: at.row + 1});
        }
    });
}
