"""What a build check must not run: code that reads or writes files, connects, trains, asks or ends.

Only what happens at once is judged: a function's body counts where the function is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kerascope.probe.uses import CHANGING, local_names
from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name

READS, WRITES = "it reads a file", "it writes files"
CONNECTS, TRAINS, STARTS = "it connects to the network", "it trains", "it starts other programs"
ASKS, ENDS, PLOTS, ARGUMENTS = (
    "it asks for input",
    "it ends the program",
    "it plots",
    "it reads the command line",
)
FOLDER, WAITS, PROCESSES = "it looks into folders", "it waits", "it starts processes or threads"


def _by_name(table: Mapping[str, str]) -> dict[str, str]:
    return {name: why for why, names in table.items() for name in names.split()}


_LIBRARY = _by_name(
    {
        READS: """
            PIL.Image.open codecs.open cv2.VideoCapture cv2.imread gzip.open h5py.File io.open joblib.load
            json.load keras.models.load_model keras.preprocessing.image
            keras.preprocessing.image_dataset_from_directory keras.preprocessing.text_dataset_from_directory
            keras.saving.load_model keras.utils.audio_dataset_from_directory
            keras.utils.image_dataset_from_directory keras.utils.load_img
            keras.utils.text_dataset_from_directory numpy.fromfile numpy.genfromtxt numpy.load numpy.loadtxt
            numpy.memmap open os.open pickle.load tensorflow.data.Dataset.list_files
            tensorflow.data.TFRecordDataset tensorflow.data.TextLineDataset tensorflow.data.experimental
            tensorflow.io.gfile tensorflow.io.read_file tensorflow.saved_model
            tensorflow.train.load_checkpoint torch.load yaml.load
        """,
        ASKS: """
            breakpoint getpass input pdb six.moves.input
        """,
        ENDS: """
            absl.testing.absltest.main exit os._exit os.abort os.kill pytest.main quit sys.exit
            tensorflow.test.main unittest.main
        """,
        STARTS: """
            os.popen os.system subprocess
        """,
        PROCESSES: """
            atexit concurrent.futures multiprocessing os.fork signal threading.Thread
        """,
        WRITES: """
            keras.utils.plot_model keras.utils.save_img numpy.save numpy.savetxt numpy.savez
            numpy.savez_compressed os.chmod os.link os.makedirs os.mkdir os.remove os.removedirs os.rename
            os.replace os.rmdir os.symlink os.truncate os.unlink shutil tempfile tensorflow.io.write_file
            tensorflow.profiler tensorflow.summary
        """,
        FOLDER: """
            glob os.chdir os.listdir os.scandir os.walk
        """,
        CONNECTS: """
            boto3 comet_ml datasets ftplib gdown google.cloud http httpx huggingface_hub kaggle kagglehub
            keras.applications keras.datasets keras.utils.get_file mlflow neptune paramiko requests smtplib
            socket tensorflow.config.experimental_connect_to_cluster tensorflow.distribute.cluster_resolver
            tensorflow.tpu tensorflow_datasets tensorflow_hub urllib.request urllib3 wandb
        """,
        PLOTS: """
            matplotlib plotly seaborn
        """,
        WAITS: """
            time.sleep
        """,
        ARGUMENTS: """
            absl.app absl.flags click fire hydra
        """,
    }
)
"""By dotted name, of a function or of all that begins with it."""
_HARMLESS = ("keras.preprocessing.text", "keras.preprocessing.sequence")
_NO_WEIGHTS = re.compile(r"keras\.applications\.(?:[\w.]+\.)?preprocess_input")

_METHODS = _by_name(
    {
        TRAINS: """
            apply_gradients evaluate fit fit_generator fit_transform gradient minimize train
            train_on_batch train_step
        """,
        READS: """
            flow_from_directory imread load load_model load_weights read_bytes read_text readlines restore
        """,
        CONNECTS: """
            download download_and_prepare from_preset from_pretrained hf_hub_download load_data push_to_hub
            urlopen urlretrieve
        """,
        WRITES: """
            export makedirs mkdir rmdir rmtree save save_model save_weights savefig to_csv touch unlink
            write_bytes write_text
        """,
        ARGUMENTS: """
            parse_args parse_intermixed_args parse_known_args
        """,
        FOLDER: """
            glob iterdir rglob
        """,
        PLOTS: """
            imshow plot show
        """,
    }
)
"""By the method's name, on whatever it is called."""

_OF_LAYERS = ("call", "build", "add", "compile", "summary", "get_config", "__call__", "__init__")
_DEPTH = 12


class Judge:
    """Says why code must not be run; for one project, at one moment."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._bodies: dict[tuple[str, ast.AST], str | None] = {}

    def statement(self, module: Module, statement: Statement) -> str | None:
        """Why a whole piece must not be run; of a class, what running its body does."""
        reason = self.reason(module, statement.nodes)
        for piece in statement.body if reason is None else ():
            reason = reason or self.statement(module, piece)
        return reason

    def reason(
        self,
        module: Module,
        nodes: Iterable[ast.AST],
        local: frozenset[str] = frozenset(),
        shallow: bool = False,
        without: frozenset[ast.AST] = frozenset(),
    ) -> str | None:
        """Why these nodes must not be run, None if nothing is known against it. Names in `local` aren't the
        module's. `shallow`: functions that they call aren't looked into. `without`: calls that won't be
        made."""
        judged = (node for node in immediate(nodes) if node not in without)
        return self._reason(module, judged, local, _DEPTH + 1 if shallow else 0)

    def _reason(
        self, module: Module, nodes: Iterable[ast.AST], local: frozenset[str], depth: int
    ) -> str | None:
        counted: set[ast.AST] = set()
        for node in nodes:  # a node before its parts
            if isinstance(node, ast.IfExp) and any(_counts_arguments(each) for each in ast.walk(node.test)):
                counted.update(ast.walk(node))
            if isinstance(node, ast.Call):
                if _counts_arguments(node):
                    counted.update(node.args)
                reason = self._call(module, node, local, depth)
            elif isinstance(node, ast.Attribute):
                reason = ARGUMENTS if dotted_name(node) == "sys.argv" and node not in counted else None
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                reason = self._decorators(module, node, local, depth)
            else:
                continue
            if reason:
                return reason
        return None

    def _decorators(
        self,
        module: Module,
        node: ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef,
        local: frozenset[str],
        depth: int,
    ) -> str | None:
        for decorator in node.decorator_list:
            dotted = dotted_name(decorator)
            if dotted is not None:
                reason = self._dotted(module, dotted, local, depth)
                if reason:
                    return reason
        return None

    def _call(self, module: Module, node: ast.Call, local: frozenset[str], depth: int) -> str | None:
        dotted = dotted_name(node.func)
        if dotted is not None and dotted.partition(".")[0] not in local:
            if self._fresh_weights(node) and "applications" in self._canonical(module, dotted):
                return None
            reason = self._dotted(module, dotted, local, depth)
            if reason is not None:
                return reason or None
        if isinstance(node.func, ast.Attribute):
            return _METHODS.get(node.func.attr) or self._own_method(module, node.func.attr, depth)
        return None

    def _own_method(self, module: Module, name: str, depth: int) -> str | None:
        """Why a method must not be called that a class of the module may have."""
        if depth > _DEPTH or name in _OF_LAYERS or name in CHANGING:
            return None
        for statement in module.document.statements:
            if statement.kind == "class":
                for piece in statement.body:
                    if piece.name == name and piece.kind == "function":
                        for node in piece.nodes:
                            if isinstance(node, ast.FunctionDef) and (why := self.body(module, node, depth)):
                                return why
        return None

    @staticmethod
    def _fresh_weights(node: ast.Call) -> bool:
        return any(
            keyword.arg == "weights"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is None
            for keyword in node.keywords
        )

    def _canonical(self, module: Module, dotted: str) -> str:
        return next((m.name for m in self.project.resolve(module, dotted) if isinstance(m, Library)), dotted)

    def _dotted(self, module: Module, dotted: str, local: frozenset[str], depth: int) -> str | None:
        """Why what a name means must not be called; "" if it is known to do no harm, None if it isn't
        known."""
        meanings = self.project.resolve(module, dotted)
        if not meanings and "." not in dotted and dotted not in module.namespace.names():
            return _of_library(dotted)
        for meaning in meanings:
            reason: str | None = None
            if isinstance(meaning, Library):
                reason = _of_library(meaning.name)
            elif isinstance(meaning, FunctionDefinition):
                reason = self.body(meaning.module, meaning.node, depth)
            elif isinstance(meaning, ClassDefinition):
                for _, node in self.project.member_of(meaning, "__init__"):
                    if isinstance(node, ast.FunctionDef):
                        reason = reason or self.body(meaning.module, node, depth)
            if reason:
                return reason
        known = (FunctionDefinition, ClassDefinition, Library)
        return "" if any(isinstance(meaning, known) for meaning in meanings) and _sound(meanings) else None

    def body(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int = 0
    ) -> str | None:
        """Why a function must not be called; the functions in it count as called."""
        key = (module.path, node)
        if key not in self._bodies:
            if depth > _DEPTH:
                return None
            self._bodies[key] = None
            self._bodies[key] = self._reason(module, _all_nodes(node.body), local_names(node), depth + 1)
        return self._bodies[key]


def _counts_arguments(node: ast.AST) -> bool:
    """`len(sys.argv)`: how many there are may be asked; there are none."""
    return (
        isinstance(node, ast.Call)
        and dotted_name(node.func) == "len"
        and len(node.args) == 1
        and dotted_name(node.args[0]) == "sys.argv"
    )


def _sound(meanings: Sequence[object]) -> bool:
    """Whether a method of the same name need not be feared: of libraries only Keras and TensorFlow are
    listed by name."""
    return all(
        not isinstance(meaning, Library) or meaning.name.partition(".")[0] in ("keras", "tensorflow", "numpy")
        for meaning in meanings
    )


def _of_library(name: str) -> str | None:
    if name.startswith(_HARMLESS) or _NO_WEIGHTS.fullmatch(name):
        return None
    known = _LIBRARY.get(name)
    head = name
    while known is None and "." in head:
        head = head.rpartition(".")[0]
        known = _LIBRARY.get(head)
    if known is None:
        last = name.rpartition(".")[2]
        if name.startswith("pandas.") and last.startswith("read_"):
            return READS
        if last in ("from_preset", "from_pretrained", "load_data"):
            return CONNECTS
    return known


def immediate(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes that are evaluated when these are run: not the bodies of functions."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *[d for d in node.args.kw_defaults if d]]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _all_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)
