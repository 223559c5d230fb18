"""The layers of each kind of network, the fast LSTM for training and for prediction, and a network's folder."""
