#include "CProfileViewerPage.h"

// #embed is C23; clang takes it in older modes with a warning.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "index.html"
};
static const unsigned char style_css[] = {
#embed "style.css"
};
static const unsigned char icon_svg[] = {
#embed "icon.svg"
};
static const unsigned char api_js[] = {
#embed "api.js"
};
static const unsigned char app_js[] = {
#embed "app.js"
};
static const unsigned char breadcrumb_js[] = {
#embed "breadcrumb.js"
};
static const unsigned char choices_js[] = {
#embed "choices.js"
};
static const unsigned char controls_js[] = {
#embed "controls.js"
};
static const unsigned char decoding_js[] = {
#embed "decoding.js"
};
static const unsigned char dom_js[] = {
#embed "dom.js"
};
static const unsigned char empty_js[] = {
#embed "empty.js"
};
static const unsigned char facts_js[] = {
#embed "facts.js"
};
static const unsigned char flamegraph_js[] = {
#embed "flamegraph.js"
};
static const unsigned char format_js[] = {
#embed "format.js"
};
static const unsigned char functions_js[] = {
#embed "functions.js"
};
static const unsigned char model_js[] = {
#embed "model.js"
};
static const unsigned char painter_js[] = {
#embed "painter.js"
};
static const unsigned char state_js[] = {
#embed "state.js"
};
static const unsigned char timeline_js[] = {
#embed "timeline.js"
};
static const unsigned char tooltip_js[] = {
#embed "tooltip.js"
};

static const char html[] = "text/html; charset=utf-8";
static const char css[] = "text/css; charset=utf-8";
static const char svg[] = "image/svg+xml";
static const char javascript[] = "text/javascript; charset=utf-8";

static const struct page_file files[] = {
    {"", html, index_html, sizeof(index_html)},
    {"style.css", css, style_css, sizeof(style_css)},
    {"icon.svg", svg, icon_svg, sizeof(icon_svg)},
    {"api.js", javascript, api_js, sizeof(api_js)},
    {"app.js", javascript, app_js, sizeof(app_js)},
    {"breadcrumb.js", javascript, breadcrumb_js, sizeof(breadcrumb_js)},
    {"choices.js", javascript, choices_js, sizeof(choices_js)},
    {"controls.js", javascript, controls_js, sizeof(controls_js)},
    {"decoding.js", javascript, decoding_js, sizeof(decoding_js)},
    {"dom.js", javascript, dom_js, sizeof(dom_js)},
    {"empty.js", javascript, empty_js, sizeof(empty_js)},
    {"facts.js", javascript, facts_js, sizeof(facts_js)},
    {"flamegraph.js", javascript, flamegraph_js, sizeof(flamegraph_js)},
    {"format.js", javascript, format_js, sizeof(format_js)},
    {"functions.js", javascript, functions_js, sizeof(functions_js)},
    {"model.js", javascript, model_js, sizeof(model_js)},
    {"painter.js", javascript, painter_js, sizeof(painter_js)},
    {"state.js", javascript, state_js, sizeof(state_js)},
    {"timeline.js", javascript, timeline_js, sizeof(timeline_js)},
    {"tooltip.js", javascript, tooltip_js, sizeof(tooltip_js)},
    {0, 0, 0, 0},
};

const struct page_file *profile_viewer_page_files(void) { return files; }
