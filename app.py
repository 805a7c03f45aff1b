"""The page: every tab that stands in tabs/, one server, also for the API and for agents (MCP).

The first page is served before torch or any weights are loaded; those follow in the background.
"""

import gc
import os

gc.disable()  # while thousands of modules load: half a second of every start, and there is no garbage yet
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin starve the server beside them
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("MPLBACKEND", "agg")  # Gradio asks for it at every call, and the first would look for a screen
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import importlib
import json
import logging
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.processing_utils import add_root_url
from gradio_client.utils import is_file_obj_with_meta
from starlette.middleware import Middleware

import tabs
from playground import arenas
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Event
from playground.history import History
from playground.recipes import Recipe
from playground.registry import Registry
from playground.settings import MB, Settings
from tabs import _dropping
from tabs._arrivals import arrivals_of
from tabs._controls import PARALLEL
from tabs._gate import Gate
from tabs._keeping import keeper_of
from tabs._rendering import OneByOne
from tabs._sessions import bound
from tabs._shelf import Shelf
from tabs._strict import StrictPage
from tabs._theme import CSS, HEAD, theme
from tabs._visitors import admit, threads

gc.enable()

TITLE = "Playground"
MASTHEAD = """<header class="masthead"><h1>Playground</h1>
<p>Small models, trained from scratch, that let you see how they choose.</p></header>"""
HOUR = 3600


def tab_modules() -> list[ModuleType]:
    """The modules of tabs/ that are a tab, in the order in which they stand."""
    names = [module.name for module in pkgutil.iter_modules(tabs.__path__) if not module.name.startswith("_")]
    return sorted((importlib.import_module(f"tabs.{name}") for name in names), key=lambda module: module.ORDER)


class LoggedEngine(Engine):
    """An engine that writes into the log what is asked of it: only where the operator wants that."""

    def generate(self, recipe: Recipe, client: str = "", *, follows: bool = False) -> Iterator[Event]:
        logging.getLogger("playground").info("%s %.2000s", recipe.kind, repr(recipe.differences()))
        yield from super().generate(recipe, client, follows=follows)


def build(engine: Engine, settings: Settings | None = None, history: History | None = None) -> gr.Blocks:
    """The whole page over an engine; without a history nothing is kept."""
    settings = settings or Settings()
    engine.limit(settings.limits)
    with StrictPage(title=TITLE, analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True) as demo:
        gr.HTML(MASTHEAD, js_on_load=None)
        keeper_of(demo, history)
        with gr.Tabs() as all_tabs:
            for module in tab_modules():
                with gr.Tab(module.TITLE, id=module.TITLE.lower()):
                    module.build(demo, engine)
        _dropping.wire(all_tabs)
        arrivals_of(demo).call(lambda request: {all_tabs: asked_tab(request)}, outputs=[all_tabs])
        arrivals_of(demo).wire(demo)
        gr.api(models(engine), api_name="models", concurrency_limit=PARALLEL)
    return admit(demo.queue(max_size=settings.queue), settings.limits, trust_proxy=settings.trust_proxy)


def asked_tab(request: gr.Request) -> Any:
    """The tab that the page's address names, to the front; where it names none, nothing."""
    asked = request.query_params.get("tab")
    return gr.Tabs(selected=asked) if asked in {module.TITLE.lower() for module in tab_modules()} else gr.skip()


def models(engine: Engine) -> Any:
    """The function that lists the models, for the API and for agents."""

    def list_models() -> list:
        """List the models with their kind, size, defaults, and, where one can't be used, the problem.

        Returns:
            One object per model.
        """
        return [
            {
                "name": entry.name,
                "kind": entry.manifest.kind if entry.manifest else None,
                "summary": entry.manifest.summary if entry.manifest else "",
                "parameters": entry.manifest.parameters if entry.manifest else 0,
                "defaults": entry.manifest.defaults if entry.manifest else {},
                "problem": entry.problem,
            }
            for entry in engine.registry.entries()
        ]

    return list_models


def answer_agents_in_json(demo: gr.Blocks) -> None:
    """Gradio hands an MCP client Python's `str()` of a result; what is not a file goes out as JSON instead.

    The files in it follow, so that an agent sees a picture.
    """
    server = demo.mcp_server_obj
    as_content = server.postprocess_output_data

    def postprocess_output_data(data: Any, root_url: str) -> Any:
        told: list[Any] = []
        for item in add_root_url(data, root_url, None):
            if is_file_obj_with_meta(item) or not isinstance(item, dict | list):
                told.append(item)
            else:
                told += [json.dumps(item), *files_in(item)]
        return as_content(told, root_url)

    server.postprocess_output_data = postprocess_output_data


def files_in(item: Any) -> list[dict[str, Any]]:
    """Every file that Gradio serves, however deep it lies in a document."""
    if is_file_obj_with_meta(item):
        return [item]
    inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return [file for value in inner for file in files_in(value)]


def serve(demo: gr.Blocks, settings: Settings | None = None) -> str:
    """Start the server in the background; its address. Without settings it takes any port, and the defaults."""
    port = settings.port if settings else None
    settings = settings or Settings()
    _, url, _ = demo.launch(
        server_name=settings.host,
        server_port=port,
        root_path=settings.root_path or None,
        auth=settings.users or None,
        max_file_size=settings.upload_mb * MB,
        app_kwargs={"middleware": [Middleware(Gate, largest=settings.upload_mb * MB * 4 // 3 + MB)]},  # as base64
        share=settings.share,
        theme=theme(),
        css=CSS,
        head=HEAD,
        footer_links=["api"],
        mcp_server=not settings.users,  # behind a login its calls fail, and its list of tools is open
        ssr_mode=False,
        max_threads=threads(settings.limits),
        run_history=False,
        enable_monitoring=False,
        prevent_thread_lock=True,
        quiet=True,
    )
    bound(demo)
    demo.app.middleware_stack = Shelf(OneByOne(demo.app.middleware_stack))
    if not settings.users:
        answer_agents_in_json(demo)
    return url


def open_engine(settings: Settings) -> Engine:
    """The engine over the models that the operator chose."""
    if settings.log_prompts:
        logging.basicConfig(format="%(asctime)s %(message)s")
        logging.getLogger("playground").setLevel(logging.INFO)
    kind = LoggedEngine if settings.log_prompts else Engine
    return kind(Registry(settings.checkpoints, settings.memory_mb * MB), arenas.rest().work)


def open_history(settings: Settings) -> History:
    """The history of all browsers, where and as large as the operator chose, with a copy on the Hub if wanted."""
    if settings.backup and settings.history:
        from playground.backup import keep_backup

        keep_backup(settings.backup, settings.history)
    return History(settings.history, per_browser=settings.history_per_browser, total_bytes=settings.history_mb * MB)


def main() -> int:
    """Serve the page as the environment's settings say (README, "Settings"); 2 is a mistake in them."""
    arenas.share()
    try:
        settings = Settings.read()
        engine = open_engine(settings)
        history = open_history(settings)
        demo = build(engine, settings, history)
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        url = serve(demo, settings)
    except OSError:
        why = "the port is taken, or the address is not this machine's"
        print(f"The page can't be served at {settings.host}, port {settings.port}: {why}.", file=sys.stderr)
        return 2
    agents = "" if settings.users else f" · for agents (MCP): {url}gradio_api/mcp/"
    print(f"Playground: {url}{agents}", flush=True)
    for recipe in Recipe.kinds.values():
        engine.warm_up(recipe.kind, recipe.model_fields["model"].default)
    try:
        demo.block_thread()
    finally:
        history.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
